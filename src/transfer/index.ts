/** `polyarch/transfer`: copies what a manifest or index stands for between any two stores. */
export type { CopyEvent, CopyGraphOptions, CopyState } from './copy-graph.ts';
export { copyGraph, copyGraphs } from './copy-graph.ts';
export type { Referrer } from './referrers.ts';
export { Referrers } from './referrers.ts';
