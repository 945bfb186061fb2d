import type { Digest } from '../../lib/digest.ts';
import type { PolyarchError } from '../../lib/errors.ts';
import type { Platform } from '../../oci/platform.ts';
import type { StepResources } from '../sandbox/cgroups/step-resources.ts';
import type { Tier } from '../sandbox/tier.ts';
import type {
  CopiedLayer,
  CopyRequest,
  FillCacheRequest,
  FoundDirectories,
  KeeperEvent,
  Owner,
  OwnerRequest,
  PackedCache,
  PackedLayer,
  PackRequest,
  PrepareRequest,
  PruneRequest,
  PruneResponse,
  RemoveRequest,
  RunRequest,
  RunResponse,
  SourcesRequest,
  TreesReport,
} from './protocol.ts';

export interface CallOptions {
  /** Cancels this request alone: what it began is undone, its programs are killed. */
  readonly signal?: AbortSignal | undefined;
}

export interface RunOptions extends CallOptions {
  readonly stdout?: (chunk: Buffer) => void;
  readonly stderr?: (chunk: Buffer) => void;
}

/**
 * The keeper as the main process sees it. Requests run side by side. Failures: KEEPER when the process is gone, EMULATOR, SANDBOX, ARCHIVE,
 * CONTENT_INVALID, NOT_FOUND, STORE, INTERRUPTED.
 */
export interface KeeperClient {
  readonly sandbox: SandboxReport;
  prepare(request: PrepareRequest, options?: CallOptions): Promise<void>;
  /** A program that ends with another code than 0 is no failure: the response says so. */
  run(request: RunRequest, options?: RunOptions): Promise<RunResponse>;
  pack(request: PackRequest, options?: CallOptions): Promise<PackedLayer>;
  copy(request: CopyRequest, options?: CallOptions): Promise<CopiedLayer>;
  /** Content digest of what COPY --from would read: everything but times. */
  checksum(request: SourcesRequest, options?: CallOptions): Promise<Digest>;
  owner(request: OwnerRequest, options?: CallOptions): Promise<Owner>;
  remove(request: RemoveRequest, options?: CallOptions): Promise<void>;
  /** Tells that the size of the terminal that the keeper was started with has changed. */
  resize(): Promise<void>;
  /** Snapshots and cache mounts. */
  usage(options?: CallOptions): Promise<FoundDirectories>;
  /** A cache mount as a layer, when no step writes to it alone; null when there is none of that key. */
  packCache(key: string, options?: CallOptions): Promise<PackedCache | null>;
  /** Begins a cache mount, should it be new. */
  fillCache(request: FillCacheRequest, options?: CallOptions): Promise<void>;
  /** Deletes those that no running build uses. */
  prune(request: PruneRequest, options?: CallOptions): Promise<PruneResponse>;
  /** Ends the process and with it every sandbox and mount. Resolves when it is gone; safe to call twice. */
  close(): Promise<void>;
}

/** Which sandbox a keeper uses, and why. */
export interface SandboxReport {
  readonly tier: Tier;
  /** A build takes it only where its tier is named. */
  readonly onlyWhenNamed: boolean;
  /** Tiers that were tried before and do not work here. */
  readonly rejected: readonly RejectedTier[];
  /** What does not work, or works differently, in this one. */
  readonly losses: readonly string[];
  readonly trees: TreesReport;
}

export interface RejectedTier {
  readonly tier: Tier;
  readonly error: PolyarchError;
}

export interface StartKeeperOptions {
  /** Absolute; `snapshots` and `keeper` below it are the keeper's. */
  readonly dataDirectory: string;
  /** Platforms that RUN steps are for. Those that this machine's processor does not run itself are emulated. */
  readonly platforms: readonly Platform[];
  /** Absolute paths of directories that programs may change where a request mounts them. Default: none. */
  readonly writable?: readonly string[];
  /** `auto`: the first that works. Default `auto`. */
  readonly sandbox?: 'auto' | Tier | undefined;
  /** What each program may use. UNSUPPORTED where nothing can hold it to that. Default: no limits. */
  readonly resources?: StepResources | undefined;
  /** Ends the keeper. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: KeeperEvent) => void;
  /** `inherit`: RUN requests with `stdio: 'inherit'` use this process's own stdin, stdout and stderr. Default `none`. */
  readonly stdio?: 'none' | 'inherit';
}
