import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';

const table = '/proc/sys/fs/binfmt_misc';
const foreign = process.arch === 'arm64' ? 'x86_64' : 'aarch64';
const entry = `${table}/qemu-${foreign}`;

/** Whether the host runs the other architecture's programs, which BuildKit and buildah need. */
export function isRegisteredOnHost(): boolean {
  return existsSync(entry);
}

/**
 * Switches the host's emulator off and on again. It is off while polyarch is timed, so that the figure stands for the emulator in its own
 * namespace. False when this user may not (or there is none): then nothing shows that the host's was not used.
 */
export function setHostEmulator(on: boolean): boolean {
  try {
    accessSync(entry, constants.W_OK);
    writeFileSync(entry, on ? '1' : '0');
    return readFileSync(entry, 'utf8').startsWith(on ? 'enabled' : 'disabled');
  } catch {
    return !isRegisteredOnHost();
  }
}
