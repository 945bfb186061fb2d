import { failure, PolyarchError } from '../lib/errors.ts';

/** Longest line that is read. */
const maxLength = 64 * 1024;

/** Asks on the terminal; `hidden` shows nothing of the answer. USAGE without a terminal, INTERRUPTED after Ctrl-C or Ctrl-D. */
export async function prompt(question: string, options: { hidden?: boolean } = {}): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) {
    throw failure('USAGE', 'ask for', question, 'standard input is no terminal', {
      hint: 'give --username, and the password to --password-stdin',
    });
  }
  stderr.write(`${question}: `);
  stdin.setRawMode(true);
  try {
    return await readLine((shown) => {
      if (!options.hidden) stderr.write(shown);
    });
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

/** In raw mode: the terminal edits and echoes nothing by itself. */
function readLine(echo: (shown: string) => void): Promise<string> {
  const { stdin } = process;
  return new Promise((resolve, reject) => {
    let line = '';
    const read = (chunk: string): void => {
      for (const char of chunk) {
        const isEnd = char === '\r' || char === '\n';
        const isInterrupt = char === '\u0003' || (char === '\u0004' && line === '');
        if (isEnd || isInterrupt) {
          stdin.off('data', read);
          if (isEnd) resolve(line);
          else reject(new PolyarchError('INTERRUPTED', 'Interrupted'));
          return;
        }
        if (char === '\u007f' || char === '\b') {
          if (line !== '') echo('\b \b');
          line = [...line].slice(0, -1).join('');
        } else if (char >= ' ' && line.length < maxLength) {
          line += char;
          echo(char);
        }
      }
    };
    stdin.setEncoding('utf8').on('data', read).resume();
  });
}

/** All of standard input, less one line end: what `--password-stdin` reads. */
export async function readSecret(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk;
    if (text.length > maxLength)
      throw failure('LIMIT', 'read', 'standard input', `more than ${maxLength} characters`);
  }
  return text.replace(/\r?\n$/, '');
}
