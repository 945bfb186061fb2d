import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../lib/canonical-json.ts';
import { failure } from '../../lib/errors.ts';
import { formatPlatform } from '../../oci/platform.ts';
import type { RunMountOp, RunOp } from '../graph/run-op.ts';
import type { RunMount, Tree as TreeRefs } from '../keeper/protocol.ts';
import type { LayerSources } from './layer-sources.ts';
import type { AgentSource, SecretSource } from './run-inputs.ts';
import type { Tree } from './tree.ts';
import { treeRefs } from './tree-refs.ts';

export interface StepMountsOptions {
  readonly sources: LayerSources;
  readonly secrets: SecretSource;
  readonly agents: AgentSource;
  readonly signal: AbortSignal;
}

export interface StepMounts {
  readonly mounts: readonly RunMount[];
  /** `NAME=value`: secrets that are variables. */
  readonly env: readonly string[];
}

/** A RUN's mounts as the keeper takes them, secrets looked up. NOT_FOUND for a secret or an agent that is required and not given. */
export async function stepMounts(
  op: RunOp,
  inputs: readonly Tree[],
  options: StepMountsOptions,
): Promise<StepMounts> {
  const mounts: RunMount[] = [];
  const env: string[] = [];
  const refs = async (input: number): Promise<TreeRefs> => {
    const tree = inputs[input];
    return tree === undefined ? [] : await treeRefs(tree, options.sources, options);
  };
  for (const mount of op.mounts ?? []) {
    switch (mount.kind) {
      case 'bind': {
        const { target, source, writable } = mount;
        mounts.push({ kind: 'tree', target, tree: await refs(mount.input), source, writable });
        break;
      }
      case 'cache': {
        const { target, id, sharing, readOnly, source, start } = mount;
        const beginning = 'input' in start ? { tree: await refs(start.input) } : start;
        const key = cacheKey(mount, op, inputs);
        const platform = formatPlatform(op.platform);
        mounts.push({
          ...{ kind: 'cache', target, key, id, platform, sharing, readOnly, source },
          start: beginning,
        });
        break;
      }
      case 'tmpfs':
        mounts.push(mount);
        break;
      case 'program': {
        const base64 = Buffer.from(mount.content).toString('base64');
        mounts.push({ kind: 'file', target: mount.target, base64, uid: 0, gid: 0, mode: 0o755 });
        break;
      }
      case 'secret': {
        const value = await options.secrets.read(mount.id, options);
        if (value === undefined) {
          if (mount.required) throw missing('secret', mount.id, `--secret id=${mount.id},src=FILE`);
          if (mount.env !== undefined) env.push(`${mount.env}=`);
          break;
        }
        const { target, uid, gid, mode } = mount;
        if (mount.env !== undefined) env.push(`${mount.env}=${asVariable(value, mount.id)}`);
        if (target !== undefined)
          mounts.push({ kind: 'file', target, base64: value.toString('base64'), uid, gid, mode });
        break;
      }
      case 'ssh': {
        const path = await options.agents.socket(mount.id);
        const { target, uid, gid, mode } = mount;
        if (path !== undefined) mounts.push({ kind: 'socket', target, path, uid, gid, mode });
        else if (mount.required) throw missing('ssh agent', mount.id, `--ssh ${mount.id}`);
        break;
      }
    }
  }
  return { mounts, env };
}

function missing(what: string, id: string, option: string): Error {
  return failure('NOT_FOUND', `mount ${what}`, id, 'it is required, and the build was not given it', {
    hint: `polyarch build ${option}`,
  });
}

/** A variable ends at its first NUL; other bytes than UTF-8 would not arrive as they are. */
function asVariable(value: Buffer, id: string): string {
  if (!isUtf8(value)) {
    throw failure(
      'STEP_FAILED',
      'use secret',
      id,
      'its bytes are no UTF-8: it can be a file, not a variable',
      {
        hint: `RUN --mount=type=secret,id=${id} has it as /run/secrets/${id}`,
      },
    );
  }
  if (value.includes(0)) throw failure('STEP_FAILED', 'use secret', id, 'a NUL byte cannot be in a variable');
  return value.toString('utf8');
}

/** What tells a cache from others: its id and platform, and what it began with. */
function cacheKey(
  { id, start }: Extract<RunMountOp, { kind: 'cache' }>,
  { platform }: RunOp,
  inputs: readonly Tree[],
): string {
  const begun = 'input' in start ? { tree: inputs[start.input]?.key } : start;
  const text = canonicalJson({ id, platform: formatPlatform(platform), begun });
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
