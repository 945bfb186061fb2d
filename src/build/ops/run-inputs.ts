/** Where a RUN's secrets come from: outside of the build, read when a step needs one, kept nowhere. */
export interface SecretSource {
  /** Undefined when none has the id. */
  read(id: string, options: { readonly signal: AbortSignal }): Promise<Buffer | undefined>;
}

/** Where the agents behind `--mount=type=ssh` listen. */
export interface AgentSource {
  /** Path of a socket, which listens from now on; undefined when none has the id. */
  socket(id: string): Promise<string | undefined>;
}
