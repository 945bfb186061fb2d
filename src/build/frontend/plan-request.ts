import type { Descriptor, Layer } from '../../oci/descriptor.ts';
import type { ImageConfig } from '../../oci/manifest.ts';
import type { Platform } from '../../oci/platform.ts';
import type { Warning } from '../dockerfile/lint/lint.ts';
import type { Graph } from '../graph/graph.ts';
import type { ImagePlan } from '../graph/image-plan.ts';
import type { FileOrigin } from '../graph/op.ts';
import type { RunOp } from '../graph/run-op.ts';

/** What is to be built, as text and values: nothing here is read from a disk. */
export interface PlanRequest {
  /** The Dockerfile's text. */
  readonly dockerfile: string;
  /** As messages show it. */
  readonly filename: string;
  /** One image is planned for each, in this order. */
  readonly platforms: readonly Platform[];
  /** Where steps of a `--platform=$BUILDPLATFORM` stage run natively. */
  readonly buildPlatform: Platform;
  /** A stage's name or number; the last stage by default. */
  readonly target?: string;
  /** `--build-arg NAME=value`. */
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Text of the ignore file that the context has: what rules hold COPY and ADD against. */
  readonly ignore?: string;
  /** `--build-context`, by `contextName`. */
  readonly contexts?: NamedContexts;
  /** Network of RUN steps that name none. Default `host`. */
  readonly network?: 'host' | 'none';
  /** What instructions may have that they may not by themselves. Default: nothing. */
  readonly allow?: readonly Entitlement[];
  /** For every RUN. */
  readonly run?: RunDefaults;
}

/** BuildKit's names (util/entitlements). */
export type Entitlement = 'network.host' | 'security.insecure';

export type RunDefaults = Pick<RunOp, 'extraHosts' | 'ulimits' | 'shmBytes'>;

/** A base image, for one platform. */
export interface BaseImage {
  /** Canonical, with the digest that the reference had when it was resolved. */
  readonly reference: string;
  readonly manifest: Descriptor;
  readonly config: ImageConfig;
  /** Bottom layer first; the same length as the config's diff_ids. */
  readonly layers: readonly Layer[];
}

/** Finds a base image. Called once for each (reference, platform); fails with PLATFORM_MISSING where an index has no entry for it. */
export type ResolveBase = (
  reference: string,
  platform: Platform,
  options: { readonly signal?: AbortSignal },
) => Promise<BaseImage>;

/** What a name of `--build-context` stands for, in FROM, COPY --from and mounts. */
export type NamedContext =
  /** A tree of files: FROM begins with it, and COPY reads it. */
  | { readonly kind: 'files'; readonly origin: FileOrigin }
  | { readonly kind: 'scratch' }
  /** An image under another name, from a place of its own where `resolve` is there. */
  | { readonly kind: 'image'; readonly reference: string; readonly resolve?: ResolveBase }
  /** A stage of the Dockerfile. */
  | { readonly kind: 'stage'; readonly name: string };

export type NamedContexts = ReadonlyMap<string, NamedContext>;

export interface PlanOptions {
  readonly resolveBase: ResolveBase;
  readonly signal?: AbortSignal;
}

export interface BuildPlan {
  readonly graph: Graph;
  /** In the order of the request's platforms. */
  readonly images: readonly ImagePlan[];
  readonly warnings: readonly Warning[];
  /** The result is an index, also where one platform is built. */
  readonly index: boolean;
  /**
   * `NAME=value` of the proxy build arguments, in both spellings: for every RUN's environment, behind the op's own. Part of no digest,
   * image or history, so that another proxy is no other build.
   */
  readonly proxyEnv: readonly string[];
}
