import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The words that run another file of this program, `entry`, with the Node that runs this one and with what it was told to preload. */
export function ownProgram(entry: URL): string[] {
  const at = process.execArgv.indexOf('--require');
  const preload = at === -1 ? undefined : process.execArgv[at + 1];
  return [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    ...(preload === undefined ? [] : ['--require', resolve(preload)]),
    fileURLToPath(entry),
  ];
}
