import type { Digest } from '../../lib/digest.ts';
import type { ErrorCode } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Platform } from '../../oci/platform.ts';
import type { ExtraHost, ProgramInput, SandboxLimits } from '../sandbox/sandbox.ts';
import type { SourcePattern } from '../snapshot/copy/select-sources.ts';
import type { RejectedSnapshotter, Snapshotter } from '../snapshot/snapshotter.ts';

/**
 * What the main process asks of the keeper. Bytes cross by path, never by stream: the keeper reads blobs from the store's files and
 * writes packed layers to files that the main process then takes into the store. Only a program's output crosses as frames.
 */

/** A layer by its blob: extracted when a request first needs its directory, once for all requests and builds. */
export interface LayerBlob {
  readonly kind: 'blob';
  /** The compressed or plain tar: a regular file. */
  readonly path: string;
  readonly diffId: Digest;
}

/** A layer that the keeper made itself in this build (a RUN's upper directory), possibly not packed yet. */
export interface LayerSnapshot {
  readonly kind: 'snapshot';
  readonly id: string;
}

export type LayerRef = LayerBlob | LayerSnapshot;

/** A root file system: bottom layer first; empty for scratch. */
export type Tree = readonly LayerRef[];

/** Extracts what is not there yet, so that a later request finds it. */
export interface PrepareRequest {
  readonly tree: Tree;
}

export interface RunRequest {
  readonly tree: Tree;
  readonly platform: Platform;
  /** argv; a name without a slash is looked up in PATH of `env`, inside the tree. */
  readonly args: readonly string[];
  /** `NAME=value`. HOME is added from the tree's /etc/passwd where it is not set. */
  readonly env: readonly string[];
  /** Absolute; made when it is missing. */
  readonly cwd: string;
  /** `user[:group]`, looked up in the tree's /etc/passwd and /etc/group; empty for root. */
  readonly user: string;
  readonly network: 'host' | 'none';
  readonly hostname: string;
  /** Default: none. */
  readonly extraHosts?: readonly ExtraHost[];
  /** Mounted in this order. Default: none. */
  readonly mounts?: readonly RunMount[];
  /** Default `sandbox`. */
  readonly security?: 'sandbox' | 'insecure';
  readonly limits?: SandboxLimits;
  /**
   * `frames`: stdin is empty, output comes as chunks. `inherit`: the program reads and writes the descriptors that the keeper was started
   * with (StartKeeperOptions.stdio). `terminal`: the same, when they are a terminal; the program gets one of its own. Default `frames`.
   */
  readonly stdio?: 'frames' | 'inherit' | 'terminal';
  /** With `inherit` and `terminal`: whether the program reads what the keeper was started with. Default `empty`. */
  readonly stdin?: ProgramInput;
  /** What the program changes is thrown away: `polyarch run`. Default false. */
  readonly discard?: boolean;
  /** On cancel: send this first (a name or a number) and SIGKILL after `graceMilliseconds`. Default: SIGKILL at once. */
  readonly stop?: { readonly signal: string; readonly graceMilliseconds: number };
}

/** Something that is there while a program runs and in no layer. `target`: absolute, clean. */
export type RunMount = { readonly target: string } & (
  | {
      /** A file or directory of another tree. */
      readonly kind: 'tree';
      readonly tree: Tree;
      /** Path in it, links followed inside it. */
      readonly source: string;
      /** What the program writes there is thrown away. */
      readonly writable: boolean;
    }
  | CacheMount
  | { readonly kind: 'tmpfs'; readonly readOnly: boolean; readonly maxBytes?: number }
  | (FileOwner & {
      /** Read-only, on a tmpfs: a secret. It crosses in the request and touches no disk. */
      readonly kind: 'file';
      readonly base64: string;
    })
  | (FileOwner & {
      /** A socket that passes every connection on to the one at `path`, which the keeper's user may use. */
      readonly kind: 'socket';
      readonly path: string;
    })
  | {
      /** A file or directory of this machine: `polyarch run --volume`. */
      readonly kind: 'host';
      readonly path: string;
      readonly readOnly: boolean;
    }
);

/** A directory that outlives builds, below the data directory's `cache-mounts`. */
export interface CacheMount {
  readonly kind: 'cache';
  /** Hexadecimal: what tells this cache from others. */
  readonly key: string;
  /** As the Dockerfile has it, and the platform as text: for those who list caches. */
  readonly id: string;
  readonly platform: string;
  /**
   * Among builds and steps: `shared` all at once, `locked` one after another, `private` each its own, of those that are free the first.
   */
  readonly sharing: 'shared' | 'private' | 'locked';
  readonly readOnly: boolean;
  /** Path in the cache. */
  readonly source: string;
  /** What a new one begins with: a tree, or an empty directory of this owner. */
  readonly start: { readonly tree: Tree } | FileOwner;
}

export interface FileOwner extends Owner {
  /** Permission bits. */
  readonly mode: number;
}

export interface RunResponse {
  /** 128 + n when signal n ended the program. */
  readonly exitCode: number;
  /** Processes of the program that were killed for their memory (StartKeeperOptions.resources); absent: none. */
  readonly memoryKills?: number;
  /** The upper directory; there only when exitCode is 0 and `discard` is not set. */
  readonly snapshot?: LayerSnapshot;
}

export interface PackRequest {
  readonly snapshot: LayerSnapshot;
  /** Clamp for modification times (SOURCE_DATE_EPOCH), seconds. */
  readonly epoch?: number;
}

/** Files of a tree, as COPY names them. */
export interface SourcesRequest {
  readonly from: Tree;
  readonly sources: readonly SourcePattern[];
  /** Heredocs, each a file in a tree of its own, behind the others. */
  readonly inline?: readonly { readonly name: string; readonly content: string }[];
}

/** COPY --from: `sources` in `from`, onto the tree that `target` describes. */
export interface CopyRequest extends SourcesRequest {
  /** Paths of the table-of-contents files of the target's layers, bottom first; none: an empty target. */
  readonly target: readonly string[];
  /** Absolute; a trailing slash says that it is a directory. */
  readonly destination: string;
  /** `--chown`, looked up. */
  readonly owner?: Owner;
  /** Octal digits or symbolic. */
  readonly chmod?: string;
  readonly epoch?: number;
  /** Wants the checksum too: made of what is read anyway. */
  readonly checksum?: boolean;
}

/** Ids behind `--chown` or behind USER for WORKDIR: a number alone is the group too, a name brings its primary group. */
export interface OwnerRequest {
  readonly tree: Tree;
  /** `user[:group]`. */
  readonly owner: string;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Deletes trees below the data directory's `snapshots`: their owners may be ids that only this namespace can touch. */
export interface RemoveRequest {
  readonly snapshots: readonly string[];
}

/** What lasts below the data directory and belongs to ids of the namespace. */
export interface KeptDirectory {
  readonly kind: 'snapshot' | 'cache-mount';
  readonly id: string;
  /** A snapshot's diffID; a cache mount's id as its Dockerfile has it, and its platform. */
  readonly name: string;
  /** Bytes on disk. */
  readonly size: number;
  /** Last use, milliseconds since 1970. */
  readonly used: number;
}

/** A cache mount as a layer, to take it to another machine. */
export interface PackedCache extends PackedLayer {
  /** The directory itself, which the layer does not tell of. */
  readonly root: FileOwner;
}

/** Begins a cache mount with what another machine's had. One that was begun already stays as it is. */
export interface FillCacheRequest extends Pick<CacheMount, 'key' | 'id' | 'platform'> {
  readonly blob: LayerBlob;
  readonly root: FileOwner;
}

export interface FoundDirectories {
  readonly kept: readonly KeptDirectory[];
  /** Bytes on disk of what lies beside them: steps under way, what is being deleted. */
  readonly otherBytes: number;
  /** Paths of what does not belong to this user. */
  readonly foreign: readonly string[];
}

export interface PruneRequest {
  /** Ids of `usage`. */
  readonly snapshots: readonly string[];
  readonly mounts: readonly string[];
}

export interface PruneResponse {
  readonly removed: readonly string[];
  /** Left because a running build uses them. */
  readonly inUse: readonly string[];
}

/** A layer in a file: the main process renames it into the store. */
export interface PackedLayer {
  readonly path: string;
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** File with the layer's table of contents. */
  readonly toc: string;
}

export interface CopiedLayer extends PackedLayer {
  /** What the request `checksum` would say, where the copy asked for it. */
  readonly checksum?: Digest;
}

/** Every request with its answer. */
export interface KeeperCalls {
  prepare: { request: PrepareRequest; response: null };
  run: { request: RunRequest; response: RunResponse };
  pack: { request: PackRequest; response: PackedLayer };
  copy: { request: CopyRequest; response: CopiedLayer };
  checksum: { request: SourcesRequest; response: Digest };
  owner: { request: OwnerRequest; response: Owner };
  remove: { request: RemoveRequest; response: null };
  /** The size of the terminal that the keeper was started with has changed. */
  resize: { request: null; response: null };
  usage: { request: null; response: FoundDirectories };
  prune: { request: PruneRequest; response: PruneResponse };
  /** Of the key's cache; null when there is none. */
  packCache: { request: { readonly key: string }; response: PackedCache | null };
  fillCache: { request: FillCacheRequest; response: null };
}

export type KeeperCall = keyof KeeperCalls;

export type KeeperEvent =
  | { readonly type: 'extract-started'; readonly diffId: Digest }
  | { readonly type: 'extract-finished'; readonly diffId: Digest; readonly milliseconds: number };

/** How the keeper makes trees. */
export interface TreesReport {
  readonly snapshotter: Snapshotter;
  /** Those that were tried before and do not work here. */
  readonly rejected: readonly RejectedSnapshotter[];
}

/** A PolyarchError as it crosses. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly output?: string;
}

export type ToKeeper =
  | { readonly type: 'call'; readonly id: number; readonly call: KeeperCall; readonly request: unknown }
  | { readonly type: 'cancel'; readonly id: number };

/** What a keeper found out about its sandbox by trying. */
export interface KeeperReport {
  readonly trees: TreesReport;
  /** What does not work, or works differently, here. */
  readonly losses: readonly string[];
}

export type FromKeeper =
  | ({ readonly type: 'ready' } & KeeperReport)
  | { readonly type: 'unfit'; readonly error: WireError }
  | { readonly type: 'event'; readonly event: KeeperEvent }
  | { readonly type: 'result'; readonly id: number; readonly response: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: WireError };
