import { constants } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { failure, reasonOf } from '../lib/errors.ts';

/** What an option like `--digest-file FILE` asks for. USAGE when it cannot be written; a FIFO that nobody reads is one, where open(2) would wait. */
export async function writeResultFile(option: string, path: string, text: string): Promise<void> {
  const flag = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NONBLOCK;
  try {
    await writeFile(path, text, { flag });
  } catch (error) {
    const unread = (error as NodeJS.ErrnoException).code === 'ENXIO';
    throw failure(
      'USAGE',
      'write',
      path,
      unread ? 'it is a FIFO or a socket that nobody reads' : reasonOf(error),
      {
        hint: `${option} FILE`,
        cause: error,
      },
    );
  }
}
