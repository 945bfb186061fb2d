import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AgentSource } from '../../build/ops/run-inputs.ts';
import { failure, reasonOf } from '../../lib/errors.ts';
import { readFileWithin } from '../../lib/read-file-within.ts';
import type { PrivateKey } from './ssh/private-key.ts';
import type { ServedAgent } from './ssh/serve-agent.ts';

/** What BuildKit reads of a key's file at most. */
const maxKeyBytes = 100 * 1024;

/** Agents that may have to be ended. */
export interface BuildAgents extends AgentSource {
  close(): Promise<void>;
}

/** A place that a step's socket leads to. */
type Agent =
  | { readonly kind: 'keys'; readonly keys: readonly PrivateKey[] }
  | { readonly kind: 'socket'; readonly path: string }
  /** Every request is passed on, also those that change the agent. */
  | { readonly kind: 'raw'; readonly path: string };

/** `--ssh default|ID[=SOCKET|KEY[,KEY…]][,raw=true]`, as buildx has it: without a path, the agent of $SSH_AUTH_SOCK. */
export async function agentSource(texts: readonly string[], env: NodeJS.ProcessEnv): Promise<BuildAgents> {
  const agents = new Map<string, Agent>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    const id = equals < 0 ? text : text.slice(0, equals);
    if (id === '') {
      throw failure('USAGE', 'use --ssh', text, 'it has no id', { hint: '--ssh default' });
    }
    if (agents.has(id)) throw failure('USAGE', 'use --ssh', text, `"${id}" is given twice`);
    agents.set(id, await readAgent(text, equals < 0 ? '' : text.slice(equals + 1), env));
  }
  const served = new Map<string, Promise<ServedAgent>>();
  return {
    async socket(id) {
      const agent = agents.get(id);
      if (agent === undefined || agent.kind === 'raw') return agent?.path;
      let serving = served.get(id);
      if (serving === undefined) {
        serving = serve(agent);
        served.set(id, serving);
      }
      return (await serving).path;
    },
    async close() {
      for (const serving of served.values()) (await serving.catch(() => undefined))?.close();
    },
  };
}

/** Loaded by a step that mounts an agent. */
async function serve(agent: Exclude<Agent, { kind: 'raw' }>): Promise<ServedAgent> {
  const { serveAgent } = await import('./ssh/serve-agent.ts');
  if (agent.kind === 'keys') {
    const { keyAgent } = await import('./ssh/key-agent.ts');
    return await serveAgent(() => keyAgent(agent.keys));
  }
  const { forwardedAgent } = await import('./ssh/forwarded-agent.ts');
  return await serveAgent(() => forwardedAgent(agent.path));
}

async function readAgent(text: string, value: string, env: NodeJS.ProcessEnv): Promise<Agent> {
  const words = value.split(',').filter((word) => word !== '');
  const raw = words.includes('raw=true');
  const given = words.filter((word) => word !== 'raw=true' && word !== 'raw=false');
  const paths = given.length > 0 ? given : env.SSH_AUTH_SOCK ? [env.SSH_AUTH_SOCK] : [];
  if (paths.length === 0) {
    throw failure('NOT_FOUND', 'use --ssh', text, 'there is no agent: SSH_AUTH_SOCK is not set', {
      hint: 'eval $(ssh-agent) && ssh-add, or --ssh default=FILE of a key',
    });
  }
  const keys: PrivateKey[] = [];
  for (const path of paths.map((one) => resolve(one))) {
    const status = await stat(path).catch((error: unknown) => {
      throw failure('NOT_FOUND', 'use --ssh', text, reasonOf(error));
    });
    if (!status.isSocket()) keys.push(await readKey(path, text));
    else if (paths.length === 1) return { kind: raw ? 'raw' : 'socket', path };
    else throw failure('USAGE', 'use --ssh', text, 'a socket stands alone: it has other paths beside it');
  }
  if (raw) throw failure('USAGE', 'use --ssh', text, 'raw=true is for the socket of an agent');
  return { kind: 'keys', keys };
}

async function readKey(path: string, text: string): Promise<PrivateKey> {
  const { parsePrivateKey } = await import('./ssh/private-key.ts');
  return parsePrivateKey(await readKeyFile(path, text), path);
}

async function readKeyFile(path: string, text: string): Promise<string> {
  try {
    return (await readFileWithin(path, maxKeyBytes)).toString('latin1');
  } catch (error) {
    throw failure('NOT_FOUND', 'use --ssh', text, reasonOf(error));
  }
}
