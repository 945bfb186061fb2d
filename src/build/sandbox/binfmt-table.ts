import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure, reasonOf } from '../../lib/errors.ts';

/** Where a machine's own table is (Linux, admin-guide/binfmt-misc.rst). */
const hostBinfmtDirectory = '/proc/sys/fs/binfmt_misc';

/** One line of a table: whose programs an interpreter runs. */
export interface Registration {
  readonly name: string;
  readonly enabled: boolean;
  readonly interpreter: string;
  /** Letters, `F`: works in any root. */
  readonly flags: string;
  /** The file as the kernel shows it. */
  readonly text: string;
}

/** By name; none where no table is mounted. */
export function readRegistrations(directory: string = hostBinfmtDirectory): Registration[] {
  if (!existsSync(join(directory, 'register'))) return [];
  return readdirSync(directory)
    .filter((name) => name !== 'register' && name !== 'status')
    .toSorted()
    .flatMap((name) => {
      try {
        return [parseRegistration(name, readFileSync(join(directory, name), 'utf8'))];
      } catch {
        // Taken away meanwhile.
        return [];
      }
    });
}

export function parseRegistration(name: string, text: string): Registration {
  return {
    name,
    enabled: /^enabled$/m.test(text),
    interpreter: /^interpreter (.*)$/m.exec(text)?.[1] ?? '',
    flags: /^flags: *(.*)$/m.exec(text)?.[1] ?? '',
    text,
  };
}

/** `line`: as `binfmtLine` makes it. EMULATOR where the table is not mounted, or only root may write it. */
export function addRegistration(name: string, line: string, directory: string = hostBinfmtDirectory): void {
  write('register', name, join(directory, 'register'), line);
}

export function removeRegistration(name: string, directory: string = hostBinfmtDirectory): void {
  write('remove', name, join(directory, name), '-1');
}

function write(action: string, name: string, path: string, text: string): void {
  try {
    writeFileSync(path, text, { encoding: 'latin1', flag: 'r+' });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const hint =
      code === 'ENOENT'
        ? `as root: mount -t binfmt_misc binfmt_misc ${hostBinfmtDirectory}`
        : code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
          ? 'run it as root of this machine, not of a container'
          : undefined;
    throw failure('EMULATOR', action, name, reasonOf(error), { hint, cause: error });
  }
}
