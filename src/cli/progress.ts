import { describeLeftOut } from './describe-left-out.ts';
import type { ProgressRenderer } from './progress-renderer.ts';

export type ProgressMode = 'auto' | 'tty' | 'plain' | 'quiet' | 'json';

/** `auto`: steps on a terminal; elsewhere platforms that are left out, and what holds a registry's work up. `quiet` has the first of these. */
export async function progressRenderer(
  mode: ProgressMode,
  out: NodeJS.WriteStream,
): Promise<ProgressRenderer> {
  switch (mode) {
    case 'quiet':
      return {
        onEvent(event) {
          if (event.type !== 'platform-left-out') return;
          for (const line of describeLeftOut(event)) out.write(`${line}\n`);
        },
        close() {},
      };
    case 'json': {
      const { JsonProgress } = await import('./progress-json.ts');
      return new JsonProgress(out);
    }
    case 'tty': {
      const { TerminalProgress } = await import('./progress-terminal.ts');
      return new TerminalProgress(out);
    }
    case 'plain': {
      const { PlainProgress } = await import('./progress-plain.ts');
      return new PlainProgress(out);
    }
    case 'auto':
      if (out.isTTY) return await progressRenderer('tty', out);
      return await quietWithTroubles(out);
  }
}

/** Whoever reads a log wants to know why nothing happens. */
async function quietWithTroubles(out: NodeJS.WriteStream): Promise<ProgressRenderer> {
  const quiet = await progressRenderer('quiet', out);
  const { PlainProgress } = await import('./progress-plain.ts');
  const plain = new PlainProgress(out);
  return {
    onEvent(event) {
      const { type } = event;
      const isTrouble = type === 'retry' || type === 'resume' || type === 'registry-warning';
      (isTrouble ? plain : quiet).onEvent(event);
    },
    close() {},
  };
}
