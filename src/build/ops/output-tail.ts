/** Most that is repeated of a failed step's output. */
const maxTailBytes = 4096;
const maxTailLines = 20;

/** The last lines of a program's output; memory does not follow how much it prints. */
export class OutputTail {
  #bytes = Buffer.alloc(0);

  add(chunk: Buffer): void {
    const joined = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#bytes = Buffer.from(joined.subarray(Math.max(0, joined.length - maxTailBytes)));
  }

  text(): string {
    const lines = this.#bytes.toString('utf8').trimEnd().split('\n');
    return lines.slice(-maxTailLines).join('\n');
  }
}
