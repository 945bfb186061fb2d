import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { failure } from '../../lib/errors.ts';
import type { MountCalls } from './mount-calls.ts';
import { type OverlayLayers, topFirst } from './overlay-mount.ts';
import type { OverlayMounter } from './overlay-mounter.ts';

const pollMilliseconds = 2;
const maxWords = 4096;
/** What one argument of a program may hold (MAX_ARG_STRLEN), with room to spare. */
const maxOptionBytes = 120_000;

/**
 * fuse-overlayfs(1): a process for each mount, which needs neither overlayfs of the kernel nor devices for whiteouts. In what it writes a whiteout is a
 * device 0:0 where that can be made and a file `.wh.…` elsewhere; every new directory is opaque.
 */
export function fuseMounter(program: string, calls: MountCalls): OverlayMounter {
  return {
    marks: 'both',
    fits: (layers) => Buffer.byteLength(optionsOf(layers)) <= maxOptionBytes,
    async mount(target, layers) {
      const child = spawn(program, ['-f', '-o', optionsOf(layers), target], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const ended = once(child, 'close');
      ended.catch(() => {});
      await mounted(child, target);
      return async () => {
        calls.unmount(target);
        // It still writes what it holds back.
        await ended;
      };
    },
  };
}

function optionsOf({ lowers, upper }: OverlayLayers): string {
  const options = [`lowerdir=${topFirst(lowers).join(':')}`];
  if (upper !== undefined) options.push(`upperdir=${upper.directory}`, `workdir=${upper.work}`, 'volatile');
  return options.join(',');
}

async function mounted(child: ChildProcess, target: string): Promise<void> {
  let words = '';
  let over: string | undefined;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-maxWords);
  });
  child.once('error', (error) => {
    over = error.message;
  });
  child.once('exit', (code, signal) => {
    over = `it ended (${signal ?? code})`;
  });
  const outside = statSync(dirname(target)).dev;
  while (statSync(target).dev === outside) {
    if (over !== undefined) {
      const said = words
        .trim()
        .split('\n')
        .findLast((line) => line !== '' && !line.startsWith('unknown argument ignored'));
      throw failure('SANDBOX', 'mount', target, `fuse-overlayfs: ${said ?? over}`);
    }
    await setTimeout(pollMilliseconds);
  }
}
