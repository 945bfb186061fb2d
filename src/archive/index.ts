/** `polyarch/archive`: layers as tables of contents and as one merged tree, without unpacking them. */
export type { BytePath } from './byte-path.ts';
export { bytePathOf, bytePathOfBytes, bytesOfPath, displayPath } from './byte-path.ts';
export type { EntryHeader, EntryType } from './entry.ts';
export type { EntryContent, LayerWriterOptions, WrittenLayer } from './layer-writer.ts';
export { LayerWriter } from './layer-writer.ts';
export { MergedView } from './merged-view.ts';
export { readToc } from './read-toc.ts';
export type { Toc, TocEntry } from './toc.ts';
