import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../lib/errors.ts';
import { readTextOrUndefined } from '../../lib/read-text.ts';
import { Accounts, type ProcessUser } from './accounts.ts';
import { type BindCalls, BindSources } from './bind-sources.ts';
import { containerCapabilities } from './capabilities.ts';
import { hostsFile, resolvConf } from './network-files.ts';
import { mountPoints, type OciSpecInput, ociSpec, type TerminalSize } from './oci-spec.ts';
import { placeMounts } from './place-mounts.ts';
import type { SandboxResult, SandboxSpec } from './sandbox.ts';
import { seccompProfile } from './seccomp-profile.ts';
import { ensureDirectory, type SetTimes, Stubs } from './stubs.ts';

export interface BundleOptions extends BindCalls {
  readonly inUserNamespace: boolean;
  /** One id is mapped in it. */
  readonly singleId: boolean;
  readonly bindFlags: OciSpecInput['bindFlags'];
  readonly setTimes: SetTimes;
  /** Whether whoever reads the bundle can load a filter. */
  readonly seccomp: boolean;
  /** The program gets a terminal of its own, of this size. */
  readonly terminal?: TerminalSize | undefined;
}

/**
 * Makes what an OCI bundle is (OCI runtime-spec, bundle.md): config.json in the scratch directory, and a tree that has something to mount on wherever it
 * says so. `use` runs the program and gives its exit code; what was made in the tree is gone afterwards.
 */
export async function withBundle(
  spec: SandboxSpec,
  options: BundleOptions,
  use: (user: ProcessUser) => Promise<number>,
): Promise<SandboxResult> {
  const user = Accounts.of(spec.root).processUser(spec.user);
  if (options.singleId && (user.uid !== 0 || user.gid !== 0)) throw oneIdOnly(spec.user);
  ensureDirectory(spec.root, spec.cwd, user);
  const stubs = new Stubs(spec.root, options.setTimes);
  const sources = new BindSources(join(spec.scratch, 'binds'), options);
  try {
    // In a layer, if they are new: as BuildKit leaves them.
    for (const path of mountPoints) ensureDirectory(spec.root, path, { uid: 0, gid: 0 });
    const files = generatedFiles(spec, stubs);
    const config = ociSpec({
      ...spec,
      user,
      files,
      mounts: placeMounts(spec.mounts, stubs).map((mount) =>
        mount.kind === 'bind' ? { ...mount, source: sources.add(mount) } : mount,
      ),
      terminal: options.terminal,
      inUserNamespace: options.inUserNamespace,
      singleId: options.singleId,
      bindFlags: options.bindFlags,
      capabilities: containerCapabilities(readFileSync('/proc/self/status', 'utf8'), spec.security),
      seccomp: options.seccomp ? seccompProfile(process.arch, options) : undefined,
    });
    // A variable may be a secret.
    writeFileSync(join(spec.scratch, 'config.json'), JSON.stringify(config), { mode: 0o600 });
    return { exitCode: await use(user), stubs: stubs.paths };
  } finally {
    sources.release();
    stubs.remove();
  }
}

function oneIdOnly(user: string): Error {
  return failure('SANDBOX', 'run as user', user, 'this user of the machine has one id, which is root here', {
    hint: 'polyarch doctor says how to get more; --sandbox proot makes ids up',
  });
}

function generatedFiles(spec: SandboxSpec, stubs: Stubs): Record<string, string> {
  const resolv = join(spec.scratch, 'resolv.conf');
  const hosts = join(spec.scratch, 'hosts');
  writeFileSync(resolv, resolvConf(spec.network, readTextOrUndefined('/etc/resolv.conf')), { mode: 0o644 });
  writeFileSync(hosts, hostsFile(spec.hostname, spec.extraHosts), { mode: 0o644 });
  return {
    [stubs.ensure('/etc/resolv.conf', 'file')]: resolv,
    [stubs.ensure('/etc/hosts', 'file')]: hosts,
  };
}
