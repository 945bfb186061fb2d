/** What is believed of a registry at most. A registry, its token service and its storage are an attacker's until shown otherwise. */
export const limits = {
  /** Body of an error answer that is read for its message. */
  errorBytes: 16 * 1024,
  /** WWW-Authenticate that is parsed, in characters. */
  challengeLength: 8 * 1024,
  /** Answer of a token service. */
  tokenBytes: 256 * 1024,
  /** Docker's config.json, and what a credential helper prints. */
  credentialBytes: 1024 * 1024,
  /** registries.conf, and each file beside it. */
  configurationBytes: 1024 * 1024,
  /** One certificate or key. */
  certificateBytes: 1024 * 1024,
  /** All authorities that a machine trusts. */
  bundleBytes: 16 * 1024 * 1024,
  /** Redirects that one request follows. */
  redirects: 5,
  /** One page of tags or referrers, and how many pages are asked for. */
  pageBytes: 4 * 1024 * 1024,
  pages: 10_000,
  /** From this size on an upload is remembered beyond the end of the process. */
  rememberedUploadBytes: 4 * 1024 * 1024,
  /** A chunk where a blob is too large for one request: GHCR takes no more; and the least that is tried. */
  chunkBytes: 4 * 1024 * 1024,
  leastChunkBytes: 64 * 1024,
  /** A chunk is in memory until it has arrived: what a registry may want one to have at the most. */
  largestChunkBytes: 256 * 1024 * 1024,
  /** Unread body that is drained to keep its connection; a longer one costs the connection. */
  drainBytes: 64 * 1024,
  /** Connections to one host. */
  connections: 16,
  /** Until TCP and TLS are up. */
  connectMs: 30_000,
  /** From the request's last byte to the answer's first: a registry hashes a large layer in this time. */
  responseMs: 300_000,
  /** Between two chunks of a body, while we wait for one. */
  stallMs: 60_000,
  /** Tries of one request, the first included. */
  attempts: 5,
  /** The same for a mirror, behind which there is another place to ask. */
  mirrorAttempts: 2,
  /** Back-off: the first wait, doubled each time, with jitter, up to the last. */
  firstDelayMs: 200,
  lastDelayMs: 10_000,
  /** Longest Retry-After that is obeyed; a longer one is an error that names it. */
  retryAfterMs: 60_000,
  /** A credential helper may ask the user to unlock a key chain. */
  helperMs: 60_000,
} as const;
