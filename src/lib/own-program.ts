import { fileURLToPath } from 'node:url';

/** The words that run another file of this program, `entry`, with the Node that runs this one and with what it was told to preload. */
export function ownProgram(entry: URL): string[] {
  const preload = process.execArgv.indexOf('--require');
  return [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    ...(preload === -1 ? [] : process.execArgv.slice(preload, preload + 2)),
    fileURLToPath(entry),
  ];
}
