/** The answer to a request for a file. */
export interface Download {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Must be read, or ended with `cancel`. */
  readonly body: AsyncIterable<Buffer>;
  cancel(): void;
}

/** Asks for a file, following redirects. NETWORK when there is no answer. */
export type GetFile = (
  url: URL,
  options: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
) => Promise<Download>;
