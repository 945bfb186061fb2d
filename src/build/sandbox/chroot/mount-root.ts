import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BindCalls } from '../bind-sources.ts';
import { deviceLinks, devices } from '../container-devices.ts';
import type { OciMount, OciSpec } from '../oci-spec.ts';
import { resolveInRoot } from '../rooted-path.ts';
import { mountOptions } from './mount-options.ts';

/** What mounts are made with, given to this room. */
export interface RootCalls extends BindCalls {
  /** SANDBOX when it fails. */
  readonly mount: (source: string, target: string, type: string, flags: number, data?: string) => void;
  readonly setReadOnly: (
    target: string,
    readOnly: boolean,
    options: { readonly recursive: boolean },
  ) => boolean;
}

const bindRecursive = 0x1000 | 0x4000;
const maskFlags = 0x1 | 0x2 | 0x4 | 0x8;

/**
 * Mounts all that config.json says over its root, in this process's own mount namespace. Nobody changes the tree meanwhile: links in targets are looked up once,
 * inside the root.
 */
export function mountRoot({ root: { path: root }, mounts, linux }: OciSpec, calls: RootCalls): void {
  // What is to become `/` has to be a mount; this one has the flags of what it shows.
  calls.mount(root, root, '', bindRecursive);
  const late: string[] = [];
  for (const mount of mounts) {
    const target = join(root, resolveInRoot(root, mount.destination));
    make(target, mount);
    mountOne(mount, target, calls);
    if (mount.destination !== '/dev') continue;
    fillDevices(target, calls);
    // Others are mounted below it first.
    late.push(target);
  }
  for (const target of late) calls.setReadOnly(target, true, { recursive: false });
  for (const path of linux.readonlyPaths ?? []) {
    const target = join(root, resolveInRoot(root, path));
    if (!existsSync(target)) continue;
    calls.mount(target, target, '', bindRecursive);
    calls.setReadOnly(target, true, { recursive: true });
  }
  for (const path of linux.maskedPaths ?? []) mask(join(root, resolveInRoot(root, path)), calls);
}

function mountOne({ destination, type, source, options }: OciMount, target: string, calls: RootCalls): void {
  if (type === 'bind') {
    if (options.includes('ro')) calls.bind(source, target, { readOnly: true });
    else calls.mount(source, target, '', bindRecursive);
    return;
  }
  const given = destination === '/dev' ? options.filter((option) => option !== 'ro') : options;
  const { flags, data } = mountOptions(given);
  try {
    calls.mount(source, target, type, flags, data);
  } catch (error) {
    if (type !== 'proc') throw error;
    // In a container that masks parts of its own the kernel gives no other; that one shows this program's processes, too.
    calls.mount('/proc', target, '', bindRecursive);
  }
}

/** Inside of what was mounted before; in the tree itself everything is there. */
function make(target: string, { type, source }: OciMount): void {
  if (existsSync(target)) return;
  if (type === 'bind' && !statSync(source).isDirectory()) {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, '');
  } else mkdirSync(target, { recursive: true });
}

function fillDevices(directory: string, calls: RootCalls): void {
  for (const name of devices) {
    writeFileSync(join(directory, name), '');
    calls.mount(`/dev/${name}`, join(directory, name), '', bindRecursive);
  }
  for (const [name, target] of Object.entries(deviceLinks)) symlinkSync(target, join(directory, name));
}

function mask(target: string, calls: RootCalls): void {
  const found = statSync(target, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory()) calls.mount('tmpfs', target, 'tmpfs', maskFlags, 'size=0k');
  else calls.mount('/dev/null', target, '', bindRecursive);
}
