import { isIP } from 'node:net';
import type { Entitlement, RunDefaults } from '../../build/frontend/plan-request.ts';
import type { RunHost, RunUlimit } from '../../build/graph/run-op.ts';
import { parseByteSize } from '../../lib/byte-size.ts';
import { failure } from '../../lib/errors.ts';

export interface RunDefaultTexts {
  /** `NAME:ADDRESS` or `NAME=ADDRESS`. */
  readonly addHosts?: readonly string[] | undefined;
  /** `NAME=SOFT[:HARD]`. */
  readonly ulimits?: readonly string[] | undefined;
  /** As `64m`. */
  readonly shmSize?: string | undefined;
}

/** Docker's names (go-units, ulimit.go). */
const ulimitNames: readonly string[] = [
  ...['core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile', 'nproc'],
  ...['rss', 'rtprio', 'rttime', 'sigpending', 'stack'],
];

/** `--add-host`, `--ulimit` and `--shm-size`. */
export function runDefaults({ addHosts = [], ulimits = [], shmSize }: RunDefaultTexts): RunDefaults {
  return {
    ...(addHosts.length > 0 && { extraHosts: addHosts.map(parseHost) }),
    ...(ulimits.length > 0 && { ulimits: ulimits.map(parseUlimit) }),
    ...(shmSize !== undefined && { shmBytes: parseShmSize(shmSize) }),
  };
}

export function entitlements(texts: readonly string[]): Entitlement[] {
  return texts.map((text) => {
    if (text === 'network.host' || text === 'security.insecure') return text;
    throw failure('USAGE', 'use --allow', text, 'there is no such entitlement', {
      hint: '--allow security.insecure or --allow network.host',
    });
  });
}

function parseHost(text: string): RunHost {
  const [, name = '', written = ''] = /^([^:=\s]+)[:=](\S+)$/.exec(text) ?? [];
  const address = written.replace(/^\[(.*)\]$/, '$1');
  if (address === 'host-gateway') {
    throw failure(
      'UNSUPPORTED',
      'use --add-host',
      text,
      'there is no gateway: steps share the network of this machine',
      {
        hint: `--add-host ${name}:127.0.0.1`,
      },
    );
  }
  if (isIP(address) === 0) {
    throw failure('USAGE', 'use --add-host', text, 'it is no NAME:ADDRESS', {
      hint: '--add-host NAME:192.0.2.1',
    });
  }
  return { name, address };
}

function parseUlimit(text: string): RunUlimit {
  const [, name = '', soft = '', hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  const limit = { name, soft: Number(soft), hard: Number(hard) };
  const usable = Number.isSafeInteger(limit.soft) && Number.isSafeInteger(limit.hard);
  const ordered = limit.hard < 0 || (limit.soft >= 0 && limit.soft <= limit.hard);
  if (name !== '' && usable && ordered && ulimitNames.includes(name)) return limit;
  const what = ulimitNames.includes(name)
    ? 'the soft limit is above the hard one'
    : 'it is no NAME=SOFT[:HARD]';
  throw failure('USAGE', 'use --ulimit', text, what, { hint: '--ulimit nofile=1024:2048' });
}

function parseShmSize(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw failure('USAGE', 'use --shm-size', text, 'it is no size', { hint: '--shm-size 128m' });
}
