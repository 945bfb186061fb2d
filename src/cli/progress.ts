import { describeLeftOut } from './describe-left-out.ts';
import type { ProgressRenderer } from './progress-renderer.ts';

export type ProgressMode = 'auto' | 'tty' | 'plain' | 'quiet' | 'json';

/** `auto`: steps on a terminal, plain lines otherwise (quiet steps, failures and platforms that are left out always). */
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
      return await progressRenderer(out.isTTY ? 'tty' : 'quiet', out);
  }
}
