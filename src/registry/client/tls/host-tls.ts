/** What TLS with one host needs beyond the authorities that are trusted anyway. PEM texts. */
export interface HostTls {
  /** Authorities of this host's own. */
  readonly authorities: readonly string[];
  /** Client certificates and their keys. */
  readonly pairs: readonly { readonly certificate: string; readonly key: string }[];
}

/** Finds it for `host[:port]` as references have it; undefined when there is nothing of the kind. */
export type HostTlsSource = (host: string) => Promise<HostTls | undefined>;
