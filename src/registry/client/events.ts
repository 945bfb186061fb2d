import type { Digest } from '../../lib/digest.ts';

/** What a registry client tells of its work. Texts are redacted and fit one line. */
export type RegistryEvent =
  /** A request failed and is sent again after `delayMs`. `attempt` is the one that failed, from 1. */
  | {
      readonly type: 'retry';
      readonly registry: string;
      readonly request: string;
      readonly attempt: number;
      readonly delayMs: number;
      readonly reason: string;
    }
  /** A broken transfer goes on at `offset` bytes. */
  | {
      readonly type: 'resume';
      readonly direction: 'download' | 'upload';
      readonly digest: Digest;
      readonly offset: number;
      readonly reason: string;
    }
  /** Something that was asked for is not as it should be, and the work goes on without it. */
  | { readonly type: 'registry-warning'; readonly registry: string; readonly message: string };

export type OnRegistryEvent = (event: RegistryEvent) => void;
