/** Thrown by a command whose exit code is not an error of ours: `run` passes the program's own through. */
export class ExitWith extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}
