import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { failure } from './errors.ts';

/** `$POLYARCH_HOME`, else `$XDG_DATA_HOME/polyarch`, else `~/.local/share/polyarch`. Always absolute. */
export function dataDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const own = env.POLYARCH_HOME;
  if (own) {
    if (!isAbsolute(own)) throw failure('USAGE', 'use POLYARCH_HOME', own, 'not an absolute path');
    return own;
  }
  const xdg = env.XDG_DATA_HOME;
  if (xdg && isAbsolute(xdg)) return join(xdg, 'polyarch');
  return join(env.HOME || homedir(), '.local/share/polyarch');
}
