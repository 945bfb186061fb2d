import { execFileSync } from 'node:child_process';

/** Processes of this machine whose command line has `text`, the look-up's own left out. */
export function processes(text: string): number {
  const list = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  return list.split('\n').filter((line) => line.includes(text) && !line.includes('sh -c')).length;
}
