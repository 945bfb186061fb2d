import type { Tree } from './protocol.ts';

/** A tree of files; gone when the function that got it has returned. */
export interface MountedTree {
  /** Absolute: the root of the files. */
  readonly root: string;
  /** An empty directory beside it. */
  readonly scratch: string;
}

/** Makes trees of layers: to read them, or to change them and keep what was changed. */
export interface Workspace {
  /** Read-only for us by intent. */
  withView<T>(tree: Tree, signal: AbortSignal, use: (mounted: MountedTree) => Promise<T>): Promise<T>;
  /** For programs to look at: whatever they do to it reaches no layer. */
  withShown<T>(tree: Tree, signal: AbortSignal, use: (mounted: MountedTree) => Promise<T>): Promise<T>;
  /** `use` gives whether the changes are kept: then their snapshot's id is in the result. */
  withUpper<T>(
    tree: Tree,
    signal: AbortSignal,
    use: (mounted: MountedTree) => Promise<UpperResult<T>>,
  ): Promise<{ readonly value: T; readonly id?: string }>;
}

export interface UpperResult<T> {
  readonly value: T;
  readonly keep: boolean;
}
