/** `polyarch/content`: the store interfaces, what a store can do beyond them, and the stream that verifies. */
export { contentFrom, contentFromBytes, contentFromFile, contentFromStream } from './content.ts';
export { MemoryStore } from './memory-store.ts';
export {
  readBytes,
  readDocument,
  readImageConfig,
  readIndex,
  readManifest,
  resolveDocument,
} from './read-manifest.ts';
export type { PlatformEntry } from './select-manifest.ts';
export { listPlatforms, selectManifest } from './select-manifest.ts';
export type {
  Content,
  Deleter,
  DocumentResolver,
  FileBacked,
  Ingester,
  IoOptions,
  Mounter,
  NamedPusher,
  RangeReader,
  ResolvedDocument,
  Store,
  TagLister,
  Untagger,
} from './store.ts';
export {
  canDelete,
  canIngest,
  canListTags,
  canMount,
  canPushNamed,
  canReadRange,
  canResolveDocument,
  canUntag,
  isFileBacked,
} from './store.ts';
export type { Expected, VerifyOptions } from './verify.ts';
export { Verifier, verified } from './verify.ts';
