/**
 * The public library: what the commands do, as functions that take options and return data. Each room has a subpath
 * of its own: `polyarch/oci`, `polyarch/content` and so on.
 */
export type { BuildEvent, BuildImageOptions, BuiltImage } from './app/build.ts';
export { buildImage } from './app/build.ts';
export type { CopyImageEvent, CopyRequest, CopyResult } from './app/copy/copy.ts';
export { copy } from './app/copy/copy.ts';
export type { ListImagesOptions, LocalImage } from './app/images/list-images.ts';
export { listImages } from './app/images/list-images.ts';
export type { PruneImagesOptions } from './app/images/prune-images.ts';
export { pruneImages } from './app/images/prune-images.ts';
export type { RemovedName, RemoveImagesOptions } from './app/images/remove-images.ts';
export { removeImages } from './app/images/remove-images.ts';
export type {
  AnnotateIndexOptions,
  AppendIndexOptions,
  ChangeIndexOptions,
  RemoveIndexOptions,
} from './app/index/change-index.ts';
export { annotateIndex, appendIndex, removeFromIndex } from './app/index/change-index.ts';
export type { CreateIndexOptions } from './app/index/create-index.ts';
export { createIndex } from './app/index/create-index.ts';
export type { FanInIndexOptions, FannedIn } from './app/index/fan-in-index.ts';
export { fanInIndex } from './app/index/fan-in-index.ts';
export type { IndexEvent } from './app/index/index-options.ts';
export type { FixedIndex, LintedIndex } from './app/index/lint-index.ts';
export { fixIndexAt, lintIndex } from './app/index/lint-index.ts';
export type { MutateIndexOptions } from './app/index/mutate-index.ts';
export { mutateIndex } from './app/index/mutate-index.ts';
export type { PushIndexOptions } from './app/index/push-index.ts';
export { pushIndex } from './app/index/push-index.ts';
export type { RebaseIndexOptions } from './app/index/rebase-index.ts';
export { rebaseIndex } from './app/index/rebase-index.ts';
export type { ShownEntry, ShownIndex } from './app/index/show-index.ts';
export { showIndex } from './app/index/show-index.ts';
export type { WrittenEntry, WrittenIndex } from './app/index/written-index.ts';
export type { ConfigChange } from './app/inspect/diff-config.ts';
export type { FileAspect, FileChange } from './app/inspect/diff-files.ts';
export type { DiffSide, ImageDiff, LayerChange } from './app/inspect/diff-images.ts';
export { diffImages } from './app/inspect/diff-images.ts';
export { inspect, inspectConfig, inspectDigest, inspectRaw } from './app/inspect/inspect.ts';
export type { ImageFile, ImageFiles } from './app/inspect/inspect-files.ts';
export { inspectFiles } from './app/inspect/inspect-files.ts';
export type { InspectedRateLimit } from './app/inspect/inspect-rate-limit.ts';
export { inspectRateLimit } from './app/inspect/inspect-rate-limit.ts';
export type { ReferrerNode, ReferrerTree } from './app/inspect/inspect-referrers.ts';
export { inspectReferrers } from './app/inspect/inspect-referrers.ts';
export type {
  Inspected,
  InspectedAttestation,
  InspectedIndex,
  InspectedLayer,
  InspectedManifest,
  InspectedPlatform,
} from './app/inspect/inspected.ts';
export type { InspectOptions } from './app/inspect/open-root.ts';
export type { LoggedIn, LoginOptions } from './app/login/login.ts';
export { login } from './app/login/login.ts';
export type { LoggedOut, LogoutOptions } from './app/login/logout.ts';
export { logout } from './app/login/logout.ts';
export type { PullOptions } from './app/pull.ts';
export { pull } from './app/pull.ts';
export type { PushEvent, PushOptions, PushResult } from './app/push.ts';
export { push } from './app/push.ts';
export type { ServeOptions } from './app/serve.ts';
export { serve } from './app/serve.ts';
export type { SyncDestination } from './app/sync/plan-sync.ts';
export type { SyncEvent, SyncedImage, SyncRequest, SyncResult } from './app/sync/sync.ts';
export { sync, syncSourcesOf } from './app/sync/sync.ts';
export type { SyncSource, TagChoice } from './app/sync/sync-source.ts';
export type { RemovedTags, RemoveTagsOptions } from './app/tags/remove-tags.ts';
export { removeTags } from './app/tags/remove-tags.ts';
export type { ErrorCode, FailureOptions } from './lib/errors.ts';
export { errorCodes, isFailure, PolyarchError } from './lib/errors.ts';
export { version } from './lib/version.ts';
