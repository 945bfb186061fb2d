import type { Digest } from '../../lib/digest.ts';
import type { Layer } from '../../oci/descriptor.ts';
import type { RunOp } from './run-op.ts';

/** A base image's tree, or scratch where `layers` is empty. Bottom layer first. */
export interface BaseOp {
  readonly kind: 'base';
  readonly layers: readonly Layer[];
}

/** Where a COPY or ADD finds files that no step made. */
export type FileOrigin =
  /** The build context, or a named one (`--build-context`). */
  | { readonly kind: 'context'; readonly name?: string }
  /** A file behind a URL: in the root of a tree of its own, under this name. The URL may hold credentials: it belongs into no key, message or record. */
  | { readonly kind: 'http'; readonly url: string; readonly name: string; readonly checksum?: Digest }
  /** A git repository at a reference: its remote may hold credentials, too. */
  | ({ readonly kind: 'git' } & GitSource)
  /** A heredoc: one file in the root of a tree of its own. */
  | { readonly kind: 'inline'; readonly name: string; readonly content: string };

/** A repository, and what of it. */
export interface GitSource {
  /** What git fetches from. */
  readonly remote: string;
  /** Branch, tag or commit; the default branch where there is none. */
  readonly ref?: string;
  readonly subdirectory?: string;
  /** Leading digits of the commit that it must be. */
  readonly checksum?: string;
  /** Default false. */
  readonly keepGitDirectory?: boolean;
  /** Default true. */
  readonly submodules?: boolean;
  /** Times of files: the checkout's, or `commit`, the commit's. */
  readonly modified?: 'commit';
  /** The checksum, which is whole, is fetched whatever the reference says. */
  readonly fetchByCommit?: boolean;
}

/** One source of a COPY or ADD. */
export interface CopySource {
  /** Absent: input 1. */
  readonly origin?: FileOrigin;
  /** As Go's filepath.Match has it, relative to the tree's root, variables expanded. */
  readonly pattern: string;
  /** The pattern is a path: no wildcards, the last link is not followed. */
  readonly literal?: true;
  /** `--parents`: what is taken below the pattern's matches, with its parents there. */
  readonly include?: string;
  /** ADD: an archive is unpacked. */
  readonly unpack?: true;
}

/** One COPY or ADD. Input 0 is the tree that it adds to; input 1, where there is one, a tree that it reads. */
export interface CopyOp {
  readonly kind: 'copy';
  readonly sources: readonly CopySource[];
  /** Absolute, clean; a trailing slash says that it is a directory. */
  readonly destination: string;
  /** `user[:group]`, names or numbers, as written. */
  readonly chown?: string;
  /** Octal digits or symbolic, as written and checked. */
  readonly chmod?: string;
  /** `--exclude`: patterns of what is left out below each source. */
  readonly exclude?: readonly string[];
  /** `--link`: the layer is made as for an empty target, and laid upon whatever is there. */
  readonly link?: true;
}

/** A file or directory of a build context by itself, where it lies there: what a bind of the context reads. */
export interface ContextOp {
  readonly kind: 'context';
  readonly origin: FileOrigin;
  /** Relative to the context's root, clean; `.` for all of it. */
  readonly path: string;
}

/** WORKDIR: makes a directory and its missing parents. Input 0 is the tree that it adds to. */
export interface MkdirOp {
  readonly kind: 'mkdir';
  /** Absolute and clean. */
  readonly path: string;
  /** USER as written: the owner of what is made; empty for root. */
  readonly user: string;
}

export type Op = BaseOp | ContextOp | CopyOp | RunOp | MkdirOp;
