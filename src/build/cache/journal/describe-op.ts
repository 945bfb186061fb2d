import { digestOfValue } from '../../../lib/canonical-json.ts';
import { hexOf } from '../../../lib/digest.ts';
import type { Op } from '../../graph/op.ts';
import type { RunOp } from '../../graph/run-op.ts';
import type { StepInput } from './journal.ts';

/** Enough to tell a change; a value that could be guessed is no secret to who may read the data directory. */
const digestDigits = 24;

/** What an op says, without the trees and files that it reads. */
export function describeOp(op: Op): StepInput[] {
  switch (op.kind) {
    case 'run':
      return describeRun(op);
    case 'copy': {
      const { sources, destination, chown, chmod, exclude, link } = op;
      return options({
        sources,
        destination,
        '--chown': chown,
        '--chmod': chmod,
        '--exclude': exclude,
        '--link': link,
      });
    }
    case 'mkdir':
      return options({ path: op.path, user: op.user });
    case 'base':
    case 'context':
      return [];
  }
}

function describeRun({ args, env, mounts = [], ...op }: RunOp): StepInput[] {
  const programs = mounts.filter(({ kind }) => kind === 'program');
  const others = mounts.filter(({ kind }) => kind !== 'program');
  return [
    { kind: 'command', name: '', digest: shortDigest([args, programs]) },
    ...env.map((text): StepInput => {
      const equals = text.indexOf('=');
      const [name, value] = equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
      return { kind: 'variable', name, digest: shortDigest(value) };
    }),
    ...options({
      'working directory': op.cwd,
      user: op.user,
      '--network': op.network,
      '--security': op.insecure,
      '--mount': others.length > 0 ? others : undefined,
      '--add-host': op.extraHosts?.map(({ name }) => name),
      '--ulimit': op.ulimits,
      '--shm-size': op.shmBytes,
    }),
  ];
}

function options(values: Readonly<Record<string, unknown>>): StepInput[] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({ kind: 'option', name, digest: shortDigest(value) }));
}

export function shortDigest(value: unknown): string {
  return hexOf(digestOfValue(value)).slice(0, digestDigits);
}
