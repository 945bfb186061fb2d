import { posix } from 'node:path';
import type { Instruction } from '../../dockerfile/instruction.ts';
import { type Mount, readMount } from '../../dockerfile/read-mount.ts';
import type { Node } from '../../graph/graph.ts';
import type { RunMountOp, RunOwner } from '../../graph/run-op.ts';
import { absolute } from '../container-path.ts';
import type { StageBuild } from '../stage-build.ts';

/** What the `--mount`s of a RUN add to its op. */
export interface RunMounts {
  readonly ops: readonly RunMountOp[];
  /** Trees that they read, in the order of the ops' `input`, which begins at 1. */
  readonly inputs: readonly Node[];
  /** Behind the step's own variables. */
  readonly env: readonly string[];
  /** Names of variables that hold secrets. */
  readonly secretNames: ReadonlySet<string>;
}

/** Mounts with their defaults (BuildKit dockerfile2llb/convert_runmount.go, convert_secrets.go, convert_ssh.go), in the order of their targets. */
export function runMounts(
  stage: StageBuild,
  instruction: Instruction,
  texts: readonly string[],
  cwd: string,
): RunMounts {
  const reading = new MountReading(stage, instruction, cwd);
  const ops = texts.map((text) => reading.read(text));
  const sockets = ops.flatMap((op) => (op.kind === 'ssh' ? [op.target] : []));
  const [socket] = sockets;
  const env = socket === undefined || stage.variables.has('SSH_AUTH_SOCK') ? [] : [`SSH_AUTH_SOCK=${socket}`];
  const secretNames = ops.flatMap((op) => (op.kind === 'secret' && op.env !== undefined ? [op.env] : []));
  return {
    ops: ops.toSorted((a, b) => ((a.target ?? '') < (b.target ?? '') ? -1 : a.target === b.target ? 0 : 1)),
    inputs: reading.inputs,
    env,
    secretNames: new Set(secretNames),
  };
}

class MountReading {
  readonly inputs: Node[] = [];
  readonly #stage: StageBuild;
  readonly #instruction: Instruction;
  readonly #cwd: string;
  #sockets = 0;

  constructor(stage: StageBuild, instruction: Instruction, cwd: string) {
    this.#stage = stage;
    this.#instruction = instruction;
    this.#cwd = cwd;
  }

  read(text: string): RunMountOp {
    const mount = readMount(text, {
      expand: (value) => this.#stage.expand(this.#instruction, value),
      fail: (what) => this.#stage.invalid(this.#instruction, what),
    });
    switch (mount.type) {
      case 'secret':
        return this.#secret(mount);
      case 'ssh':
        return this.#ssh(mount);
      case 'cache':
        return this.#cache(mount);
      case 'tmpfs': {
        const { readOnly, size } = mount;
        return { kind: 'tmpfs', target: this.#target(mount), readOnly, ...(size > 0 && { maxBytes: size }) };
      }
      case 'bind': {
        const source = absolute('/', mount.source);
        const target = this.#target(mount);
        const writable = !mount.readOnly;
        if (mount.from !== '') {
          return { kind: 'bind', target, input: this.#from(mount.from), source, writable, key: 'content' };
        }
        const { graph } = this.#stage.context;
        const node = graph.add(
          { kind: 'context', origin: { kind: 'context' }, path: source.slice(1) || '.' },
          [],
        );
        return { kind: 'bind', target, input: this.inputs.push(node), source, writable, key: 'tree' };
      }
    }
  }

  #cache(mount: Mount): RunMountOp {
    const { readOnly, sharing = 'shared' } = mount;
    const target = this.#target(mount);
    const source = absolute('/', mount.source);
    const namespace = this.#stage.context.buildArgs.BUILDKIT_CACHE_MOUNT_NS;
    const id = mount.id || posix.normalize(mount.target);
    const owned = mount.uid !== undefined || mount.gid !== undefined || mount.mode !== undefined;
    // An owner makes it an empty directory, whatever it would begin with.
    const start =
      mount.from !== '' && (source !== '/' || !owned)
        ? { input: this.#from(mount.from) }
        : ownerOf(mount, 0o755);
    return {
      ...{ kind: 'cache', target, readOnly, sharing, source, start },
      id: namespace ? `${namespace}/${id}` : id,
    };
  }

  #secret(mount: Mount): RunMountOp {
    const id = mount.source || mount.id || posix.basename(mount.target);
    const { required, env } = mount;
    const path = mount.target || (env === undefined ? `/run/secrets/${posix.basename(id)}` : undefined);
    const target = path === undefined ? {} : { target: this.#absolute(path) };
    if (env === '' || env?.includes('='))
      throw this.#stage.invalid(this.#instruction, `"${env}" is no name of a variable`);
    return { kind: 'secret', id, ...target, ...(env && { env }), required, ...ownerOf(mount, 0o400) };
  }

  #ssh(mount: Mount): RunMountOp {
    if (mount.source !== '') throw this.#stage.invalid(this.#instruction, 'ssh does not support source');
    if (mount.from !== '') throw this.#stage.invalid(this.#instruction, 'ssh mount should not have a from');
    const target = this.#absolute(mount.target || `/run/buildkit/ssh_agent.${this.#sockets}`);
    this.#sockets++;
    const { required } = mount;
    return { kind: 'ssh', id: mount.id || 'default', target, required, ...ownerOf(mount, 0o600) };
  }

  #from(from: string): number {
    return this.inputs.push(this.#stage.copySource(from));
  }

  #target(mount: Mount): string {
    return this.#absolute(mount.target);
  }

  #absolute(path: string): string {
    const target = absolute(this.#cwd, path);
    if (target === '/') throw this.#stage.invalid(this.#instruction, `invalid mount target "${path}"`);
    return target;
  }
}

function ownerOf({ uid = 0, gid = 0, mode }: Mount, usual: number): RunOwner {
  return { uid, gid, mode: (mode ?? usual) & 0o7777 };
}
