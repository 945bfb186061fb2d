import type { Platform } from '../../oci/platform.ts';

/** One RUN. Input 0 is the root file system, the others are trees that its mounts name. */
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
  /** `--security=insecure`. */
  readonly insecure?: true;
  /** In the order in which they are mounted. */
  readonly mounts?: readonly RunMountOp[];
  readonly extraHosts?: readonly RunHost[];
  readonly ulimits?: readonly RunUlimit[];
  /** Bytes of /dev/shm. */
  readonly shmBytes?: number;
}

export interface RunHost {
  readonly name: string;
  readonly address: string;
}

/** `name` as setrlimit(2) has it, in lower case without `RLIMIT_`; -1: no limit. */
export interface RunUlimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** Whose a file is, and its permission bits. */
export interface RunOwner {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A mount of a RUN, all defaults filled in. `target`: absolute, clean. `input`: the tree, by its position among the node's inputs. */
export type RunMountOp =
  | {
      readonly kind: 'bind';
      readonly target: string;
      readonly input: number;
      /** Absolute, clean: a file or directory of the tree. */
      readonly source: string;
      readonly writable: boolean;
      /** `content`: another tree with the same files at `source` is the same step. `tree`: the tree's own key says as much already. */
      readonly key: 'content' | 'tree';
    }
  | {
      readonly kind: 'cache';
      readonly target: string;
      readonly id: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      readonly readOnly: boolean;
      readonly source: string;
      /** What a new cache begins with: a tree, or an empty directory of this owner. */
      readonly start: { readonly input: number } | RunOwner;
    }
  | {
      readonly kind: 'tmpfs';
      readonly target: string;
      readonly readOnly: boolean;
      readonly maxBytes?: number;
    }
  | (RunOwner & {
      /** A file at `target`, a variable `env`, or both. Its value is in no op. */
      readonly kind: 'secret';
      readonly id: string;
      readonly target?: string;
      readonly env?: string;
      readonly required: boolean;
    })
  | (RunOwner & {
      readonly kind: 'ssh';
      readonly id: string;
      readonly target: string;
      readonly required: boolean;
    })
  | {
      /** A heredoc's lines as a program: mode 0755, root's. */
      readonly kind: 'program';
      readonly target: string;
      readonly content: string;
    };
