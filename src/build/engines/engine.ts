import type { Store } from '../../content/store.ts';
import type { PolyarchError } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Platform } from '../../oci/platform.ts';
import type { CacheEntry } from '../cache/record-source.ts';
import type { Warning } from '../dockerfile/lint/lint.ts';
import type { Entitlement, NamedContexts, RunDefaults } from '../frontend/plan-request.ts';
import type { Step } from '../graph/graph.ts';
import type { TreesReport } from '../keeper/protocol.ts';
import type { OpenedOrigin } from '../ops/file-origins.ts';
import type { AgentSource, SecretSource } from '../ops/run-inputs.ts';
import type { Tier } from '../sandbox/tier.ts';

/** Files that COPY and ADD read. */
export type ContextFiles =
  /** An absolute path, and the text of its ignore file: empty when there is none. */
  | { readonly kind: 'directory'; readonly path: string; readonly ignore: string }
  /** An archive that was read, or the like. */
  | { readonly kind: 'opened'; readonly origin: OpenedOrigin };

/** The rules that keep files out of a context, for who tells of them. */
export function ignoreOf(context: ContextFiles): { readonly ignore?: string } {
  return 'ignore' in context ? { ignore: context.ignore } : {};
}

/** A build at the Dockerfile's level: what any engine can be asked. */
export interface BuildRequest {
  readonly context: ContextFiles;
  /** Text of the context's ignore file, which is applied already: what rules hold COPY and ADD against. */
  readonly ignore: string;
  /** `--build-context`, by `contextName`. */
  readonly contexts?: NamedContexts;
  /** The files of those that are of this machine, by the same names. */
  readonly namedFiles?: ReadonlyMap<string, ContextFiles>;
  /** The Dockerfile's text, and its name for messages. */
  readonly dockerfile: string;
  readonly filename: string;
  readonly platforms: readonly Platform[];
  /** Those of `platforms` that are left out of the result where they fail. Default: none. */
  readonly optional?: readonly Platform[];
  /** References that the result gets, for who asks about it later. Default none. */
  readonly names?: readonly string[];
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly network: 'host' | 'none';
  readonly allow: readonly Entitlement[];
  /** Hosts and limits of every RUN. */
  readonly run: RunDefaults;
  readonly secrets: SecretSource;
  readonly agents: AgentSource;
  /** Most steps that are executed at a time. Default: one for each of the processor's threads. */
  readonly parallel?: number;
  /** False: every step runs again. */
  readonly cache: boolean;
  /** Images' configs carry what their layers are known by: `--cache-to type=inline`. Default false. */
  readonly inlineCache?: boolean;
  /** SOURCE_DATE_EPOCH, seconds. */
  readonly epoch?: number;
}

/** Where a build's blobs are. */
export interface BuildContent {
  /** Has every blob that the root reaches, here or by streaming it from where the base image lies. */
  readonly source: Store;
  /** Repository of the registry that a base image's blob came from. */
  readonly origin: (
    descriptor: Descriptor,
  ) => { readonly registry: string; readonly repository: string } | undefined;
}

/** An optional platform that is not in the result. */
export interface LeftOut {
  readonly platform: Platform;
  readonly error: PolyarchError;
}

export interface BuildResult extends BuildContent {
  /** The index, or the manifest when one platform was asked for. */
  readonly root: Descriptor;
  readonly images: readonly { readonly platform: Platform; readonly manifest: Descriptor }[];
  readonly leftOut: readonly LeftOut[];
  readonly warnings: readonly Warning[];
  /** Every step that was made or found, for `--cache-to`. */
  readonly cacheEntries: readonly CacheEntry[];
}

export type BuildEvent =
  | { readonly type: 'planned'; readonly steps: number; readonly platforms: readonly Platform[] }
  | { readonly type: 'warning'; readonly warning: Warning }
  | { readonly type: 'step-started'; readonly id: string; readonly steps: readonly Step[] }
  | { readonly type: 'step-cached'; readonly id: string; readonly steps: readonly Step[] }
  | {
      readonly type: 'step-done';
      readonly id: string;
      readonly steps: readonly Step[];
      readonly milliseconds: number;
    }
  /** Ended because another failed, or from outside. */
  | { readonly type: 'step-canceled'; readonly id: string; readonly steps: readonly Step[] }
  | {
      readonly type: 'step-failed';
      readonly id: string;
      readonly steps: readonly Step[];
      readonly message: string;
    }
  | {
      readonly type: 'output';
      readonly id: string;
      readonly steps: readonly Step[];
      readonly stream: 'stdout' | 'stderr';
      readonly text: string;
    }
  | { readonly type: 'layer-fetch'; readonly descriptor: Descriptor }
  | {
      readonly type: 'keeper-started';
      readonly milliseconds: number;
      readonly tier: Tier;
      /** What does not work, or works differently, in its sandbox. */
      readonly losses: readonly string[];
      readonly trees: TreesReport;
      /** Platforms whose steps are emulated. */
      readonly emulated: readonly string[];
      /** Sandboxes that were tried before. */
      readonly rejected: readonly { readonly tier: Tier; readonly reason: string }[];
    }
  | ({ readonly type: 'platform-left-out' } & LeftOut)
  | { readonly type: 'image'; readonly platform: Platform; readonly manifest: Descriptor }
  | { readonly type: 'exported'; readonly root: Descriptor };

export interface BuildOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: BuildEvent) => void) | undefined;
  /**
   * A layer of the result is ready while the build goes on: one that was made now, or the base's below it. Not called for layers of a
   * platform none of whose steps had to be executed.
   */
  readonly onLayer?: ((layer: Descriptor, content: BuildContent) => void) | undefined;
  /** Takes the result to where it goes. The build's processes are ended meanwhile; `build` waits for both, and fails when this does. */
  readonly deliver?: ((result: BuildResult) => Promise<void>) | undefined;
}

export interface Engine {
  build(request: BuildRequest, options?: BuildOptions): Promise<BuildResult>;
}
