import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AgentSource } from '../../build/ops/run-inputs.ts';
import { failure, reasonOf } from '../../lib/errors.ts';

/** `--ssh default|ID[=SOCKET]`, as buildx has it: without a path, the agent of $SSH_AUTH_SOCK. */
export async function agentSource(texts: readonly string[], env: NodeJS.ProcessEnv): Promise<AgentSource> {
  const sockets = new Map<string, string>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    const id = equals < 0 ? text : text.slice(0, equals);
    if (id === '') {
      throw failure('USAGE', 'use --ssh', text, 'it has no id', { hint: '--ssh default' });
    }
    const path = equals < 0 ? env.SSH_AUTH_SOCK : text.slice(equals + 1);
    if (path === undefined || path === '') {
      throw failure('NOT_FOUND', 'use --ssh', text, 'there is no agent: SSH_AUTH_SOCK is not set', {
        hint: 'eval $(ssh-agent) && ssh-add',
      });
    }
    sockets.set(id, await checkedSocket(text, resolve(path)));
  }
  return { socket: (id) => sockets.get(id) };
}

async function checkedSocket(text: string, path: string): Promise<string> {
  const status = await stat(path).catch((error: unknown) => {
    throw failure('NOT_FOUND', 'use --ssh', text, reasonOf(error));
  });
  if (status.isSocket()) return path;
  throw failure('UNSUPPORTED', 'use --ssh', text, 'it is a file: only the socket of an agent is taken', {
    hint: `eval $(ssh-agent) && ssh-add ${path}`,
  });
}
