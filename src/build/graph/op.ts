import type { Layer } from '../../oci/descriptor.ts';
import type { Platform } from '../../oci/platform.ts';

/** A base image's tree, or scratch where `layers` is empty. Bottom layer first. */
export interface BaseOp {
  readonly kind: 'base';
  readonly layers: readonly Layer[];
}

/**
 * One COPY or ADD. Input 0 is the tree that it adds to; input 1 the tree that it reads, or none: the build context.
 */
export interface CopyOp {
  readonly kind: 'copy';
  /** Patterns as Go's filepath.Match has them, relative to the source's root, variables expanded. */
  readonly sources: readonly string[];
  /** Absolute, clean; a trailing slash says that it is a directory. */
  readonly destination: string;
  /** `user[:group]`, names or numbers, as written. */
  readonly chown?: string;
  /** Octal digits, as written. */
  readonly chmod?: string;
  /** ADD: local tar archives are unpacked. */
  readonly unpack: boolean;
}

/** One RUN. Input 0 is the root file system. */
export interface RunOp {
  readonly kind: 'run';
  readonly platform: Platform;
  /** argv: the shell form has its shell in front. */
  readonly args: readonly string[];
  /** `NAME=value`: the image's environment, then the ARGs in scope, in the order of declaration. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** USER as written; empty for root. */
  readonly user: string;
  readonly network: 'host' | 'none';
}

/** WORKDIR: makes a directory and its missing parents. Input 0 is the tree that it adds to. */
export interface MkdirOp {
  readonly kind: 'mkdir';
  /** Absolute and clean. */
  readonly path: string;
  /** USER as written: the owner of what is made; empty for root. */
  readonly user: string;
}

export type Op = BaseOp | CopyOp | RunOp | MkdirOp;
