import { join } from 'node:path';
import { findProgram } from '../../lib/find-program.ts';
import { ownProgram } from '../../lib/own-program.ts';
import { normalizePlatform, type Platform } from '../../oci/platform.ts';
import { LimitedSandbox } from '../sandbox/cgroups/limited-sandbox.ts';
import type { BuildCgroup } from '../sandbox/cgroups/step-cgroup.ts';
import { ChangeRootSandbox } from '../sandbox/chroot/change-root-sandbox.ts';
import { ChrootSandbox, inPidNamespace } from '../sandbox/chroot/chroot-sandbox.ts';
import type { StandInCalls } from '../sandbox/chroot/stand-ins.ts';
import { OciRuntime } from '../sandbox/oci-runtime.ts';
import { findRuntime, hasSeccomp } from '../sandbox/probe-runtime.ts';
import { ProotSandbox } from '../sandbox/proot/proot-sandbox.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { SetTimes } from '../sandbox/stubs.ts';
import type { MountCalls } from '../snapshot/mount-calls.ts';
import type { KeeperConfig } from './keeper-config.ts';

export interface SandboxParts {
  /** The keeper's own directory. */
  readonly directory: string;
  readonly setTimes: SetTimes;
  readonly standIns: StandInCalls;
  readonly calls: MountCalls;
  /** Path of a seccomp filter for the `chroot` tier, where one can be made. */
  readonly filter: string | undefined;
  readonly cgroups: readonly BuildCgroup[];
}

const atEndOfParent = ['setpriv', '--pdeathsig', 'KILL'] as const;

/** The sandbox of the keeper's tier for a platform, made when it is first needed. */
export function makeSandboxes(config: KeeperConfig, parts: SandboxParts): (platform: Platform) => Sandbox {
  const { directory, setTimes, calls } = parts;
  const { pipe } = calls;
  const made = new Map<string, Sandbox>();
  const { userNamespace: inUserNamespace } = config;
  const program = config.tier === 'oci' ? findRuntime({ inUserNamespace }) : undefined;
  // Asked now, while layers are extracted: the first RUN would wait for the answer.
  const seccomp = program && hasSeccomp(program);
  const make = (architecture: string): Sandbox => {
    const emulator = config.emulators[architecture];
    if (config.tier === 'proot' || emulator !== undefined)
      return new ProotSandbox({ emulator, hasIds: config.owners === 'kept', setTimes, pipe });
    const common = {
      inUserNamespace,
      singleId: config.ids === 'single',
      setTimes,
      pipe,
      bind: calls.bind,
      unmount: calls.unmount,
    };
    if (program === undefined || seccomp === undefined) {
      const own = ownProgram(new URL('./chroot-main.ts', import.meta.url));
      if (!config.namespaces)
        return new ChangeRootSandbox({
          command: atEndOfParent,
          ownSession: true,
          program: own,
          pipe,
          calls: parts.standIns,
        });
      const command = inPidNamespace(findProgram('unshare') ?? 'unshare');
      return new ChrootSandbox({ ...common, command, ownSession: false, program: own, filter: parts.filter });
    }
    return new OciRuntime({ ...common, program, seccomp, state: join(directory, 'runtime') });
  };
  const limited = (sandbox: Sandbox): Sandbox =>
    config.cgroup === undefined
      ? sandbox
      : new LimitedSandbox(sandbox, parts.cgroups, config.cgroup.resources);
  return (platform) => {
    const { architecture } = normalizePlatform(platform);
    const key = config.emulators[architecture] === undefined ? '' : architecture;
    const found = made.get(key) ?? limited(make(architecture));
    made.set(key, found);
    return found;
  };
}
