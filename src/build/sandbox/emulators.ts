import { release } from 'node:os';
import { failure } from '../../lib/errors.ts';
import { formatPlatform, hostPlatform, normalizePlatform, type Platform } from '../../oci/platform.ts';
import { readRegistrations } from './binfmt-table.ts';
import { binfmtLine, type Emulated, emulatedArchitecture, runsNatively } from './emulator-table.ts';
import { findEmulator } from './find-emulator.ts';

/**
 * How foreign programs run. `private`: the lines are registered in a binfmt_misc of the keeper's own user namespace. `host`: this machine's own
 * registrations serve, nothing is to be done.
 */
export type EmulationPlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'host' }
  | { readonly kind: 'private'; readonly lines: readonly string[] };

export interface EmulationProbe {
  readonly host: Platform;
  /** Absolute path of a host program. */
  readonly findProgram: (name: string) => string | undefined;
  /** Contents of the files in the host's binfmt_misc. */
  readonly registrations: () => readonly string[];
  /** False before Linux 6.7: a user namespace has no table of its own. */
  readonly hasPrivateTables: boolean;
}

const machineProbe: EmulationProbe = {
  host: hostPlatform(),
  findProgram: (name) => findEmulator(name),
  registrations: () => readRegistrations().map(({ text }) => text),
  hasPrivateTables: isLinuxSince(6, 7, release()),
};

/** `kernel` as uname -r gives it. One that is not understood counts as new: the attempt tells. */
export function isLinuxSince(major: number, minor: number, kernel: string): boolean {
  const [, first, second] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  if (first === undefined || second === undefined) return true;
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}

/** What RUN steps for `platforms` need on this machine. EMULATOR names the platform that nothing here can run, and what to install. */
export function planEmulation(
  platforms: readonly Platform[],
  probe: EmulationProbe = machineProbe,
): EmulationPlan {
  const foreign = new Map<string, Platform>();
  for (const platform of platforms) {
    if (!runsNatively(platform, probe.host)) foreign.set(normalizePlatform(platform).architecture, platform);
  }
  if (foreign.size === 0) return { kind: 'none' };
  const registrations = probe.registrations();
  const found = [...foreign].map(([architecture, platform]) => {
    const emulated = emulatedArchitecture(architecture);
    if (emulated === undefined) throw missingEmulator(platform, 'no emulator is known for it');
    const path = probe.findProgram(`qemu-${emulated.qemu}-static`);
    return { platform, emulated, path, registered: registrations.some((text) => serves(text, emulated)) };
  });
  const servedByHost = found.every(({ registered }) => registered);
  if (servedByHost && !probe.hasPrivateTables) return { kind: 'host' };
  if (found.every(({ path }) => path !== undefined)) {
    const lines = found.map(({ emulated, path }) =>
      binfmtLine(`qemu-${emulated.qemu}`, emulated, path ?? ''),
    );
    return { kind: 'private', lines };
  }
  // A private table hides the host's: it is one or the other for all.
  if (servedByHost) return { kind: 'host' };
  const programless = found.filter(({ path }) => path === undefined);
  const [worst] = [...programless.filter(({ registered }) => !registered), ...programless];
  if (worst === undefined) return { kind: 'none' };
  const name = `qemu-${worst.emulated.qemu}-static`;
  throw missingEmulator(
    worst.platform,
    `there is no ${name} on this machine, nor registrations for all that is to run`,
  );
}

/** Whether this machine's own table runs an architecture's programs in any root. */
export function hostServes(architecture: string, probe: EmulationProbe = machineProbe): boolean {
  const emulated = emulatedArchitecture(architecture);
  return emulated !== undefined && probe.registrations().some((text) => serves(text, emulated));
}

/** Whether a file of binfmt_misc describes an enabled interpreter for this architecture's programs that works in any root (flag F). */
export function serves(text: string, emulated: Emulated): boolean {
  return /^enabled/m.test(text) && /^flags:.*F/m.test(text) && isFor(text, emulated);
}

/** Whether a file of binfmt_misc is about this architecture's programs. */
export function isFor(text: string, emulated: Emulated): boolean {
  const magic = /^magic ([0-9a-f]+)/m.exec(text)?.[1];
  const wanted = /:M::([^:]+):/.exec(binfmtLine('x', emulated, '/'))?.[1]?.replaceAll('\\x', '') ?? '';
  // Byte 7, the OS ABI, is any; byte 16 may say executable or shared object.
  return (
    magic !== undefined &&
    magic.slice(0, 14) === wanted.slice(0, 14) &&
    magic.slice(36, 40) === wanted.slice(36)
  );
}

/** For the machine, or without root for this user's builds alone. */
export function installHint(architecture: string): string {
  return `apt-get install qemu-user-static; without root: polyarch emulator install --private --from tonistiigi/binfmt ${architecture}`;
}

export function missingEmulator(platform: Platform, what: string): Error {
  return failure('EMULATOR', 'run steps for', formatPlatform(platform), what, {
    hint: installHint(normalizePlatform(platform).architecture),
  });
}
