import { readRegistrations } from '../../build/sandbox/binfmt-table.ts';
import { isFor } from '../../build/sandbox/emulators.ts';
import { findEmulator } from '../../build/sandbox/find-emulator.ts';
import { dataDirectory } from '../../lib/data-directory.ts';
import { foreignArchitectures } from './emulator-choice.ts';
import { EmulatorFiles } from './emulator-files.ts';
import { emulatorVersion } from './emulator-program.ts';

export interface EmulatorRow {
  /** Go's name; absent for a registration of other programs than ELF's of an architecture that is known. */
  readonly architecture?: string;
  /** `registered`: the whole machine runs its programs. `installed`: builds can, in a table of their own. */
  readonly state: 'registered' | 'disabled' | 'installed' | 'none';
  /** In the machine's table. */
  readonly name?: string;
  readonly program?: string;
  readonly version?: string;
  /** The table's letters. Without F programs run only in roots that have the emulator at that path. */
  readonly flags?: string;
  /** The image that it was taken from, with its digest. */
  readonly from?: string;
}

/** What this machine's table has, and for every other architecture what could be registered. */
export function listEmulators(options: { readonly env?: NodeJS.ProcessEnv } = {}): EmulatorRow[] {
  const registrations = readRegistrations();
  const files = new EmulatorFiles(dataDirectory(options.env));
  const told = new Set<string>();
  const rows = foreignArchitectures().flatMap(({ architecture, emulated, name }): EmulatorRow[] => {
    const own = registrations.filter(({ text }) => isFor(text, emulated));
    for (const registration of own) told.add(registration.name);
    const program = findEmulator(`${name}-static`, options.env);
    const isPrivate = program !== undefined && files.sourceOf(program) !== undefined;
    if (own.length > 0) {
      const taken = isPrivate ? [installed(architecture, program)] : [];
      return own
        .map(
          (one): EmulatorRow => ({
            architecture,
            state: one.enabled ? 'registered' : 'disabled',
            name: one.name,
            flags: one.flags,
            ...facts(one.interpreter),
          }),
        )
        .concat(taken);
    }
    return [program === undefined ? { architecture, state: 'none' } : installed(architecture, program)];
  });
  const others = registrations
    .filter(({ name }) => !told.has(name))
    .map(({ name, enabled, flags, interpreter }): EmulatorRow => {
      return { state: enabled ? 'registered' : 'disabled', name, flags, program: interpreter };
    });
  return [...rows, ...others];

  function installed(architecture: string, program: string): EmulatorRow {
    return { architecture, state: 'installed', ...facts(program) };
  }

  function facts(program: string): Pick<EmulatorRow, 'program' | 'version' | 'from'> {
    const [version, from] = [emulatorVersion(program), files.sourceOf(program)];
    return {
      program,
      ...(version === undefined ? {} : { version }),
      ...(from === undefined ? {} : { from }),
    };
  }
}
