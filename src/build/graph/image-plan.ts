import type { ContainerConfig, History } from '../../oci/manifest.ts';
import type { Platform } from '../../oci/platform.ts';
import type { Node } from './graph.ts';

/** One line of an image's history; `node` is there when the instruction adds a layer. */
export interface PlannedHistory {
  readonly createdBy: string;
  readonly node?: Node;
}

/** What the frontend makes of a Dockerfile for one platform: all that an image needs but its layers and times. */
export interface ImagePlan {
  /** As asked for. */
  readonly platform: Platform;
  /** As the image's config has it: os, architecture, variant, os.version, os.features. */
  readonly target: Platform;
  /** The final tree; its chain of first inputs ends in a base node, whose layers come first. */
  readonly node: Node;
  readonly config: ContainerConfig;
  readonly author?: string;
  /** The base image's own history, never rewritten. */
  readonly baseHistory: readonly History[];
  readonly history: readonly PlannedHistory[];
}
