import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { abortReason, failure, reasonOf, throwIfAborted } from '../../../lib/errors.ts';
import { readTextOrUndefined } from '../../../lib/read-text.ts';
import { Accounts, type ProcessUser } from '../accounts.ts';
import { containerCapabilities } from '../capabilities.ts';
import { explainRuntimeFailure } from '../explain-failure.ts';
import { hostsFile, resolvConf } from '../network-files.ts';
import { mountPoints, ociSpec } from '../oci-spec.ts';
import type { Sandbox, SandboxOptions, SandboxResult, SandboxSpec } from '../sandbox.ts';
import { stopSignal } from '../stop-signal.ts';
import { ensureDirectory, Stubs } from '../stubs.ts';
import { exitCodeOf } from './chroot-sandbox.ts';
import type { ProgramProcessOptions } from './program-process.ts';
import { ProgramProcesses } from './program-processes.ts';
import { endRootProcesses, rootFile, signalRootProcesses } from './root-processes.ts';
import { type StandInCalls, StandIns } from './stand-ins.ts';

export interface ChangeRootSandboxOptions extends ProgramProcessOptions {
  readonly calls: StandInCalls;
}

/**
 * The `chroot` tier where mount(2) and namespaces are refused, for those who ask for it: chroot(2) alone, without ptrace(2)'s cost. There is no /proc and no /sys;
 * what other tiers mount, devices and /etc/hosts, lies in the tree as long as the program runs. CAP_SYS_CHROOT, by which it could leave, is withheld.
 */
export class ChangeRootSandbox implements Sandbox {
  readonly #processes: ProgramProcesses;
  readonly #calls: StandInCalls;

  constructor(options: ChangeRootSandboxOptions) {
    this.#processes = new ProgramProcesses(options);
    this.#calls = options.calls;
  }

  prepare(): void {
    this.#processes.prepare();
  }

  async run(spec: SandboxSpec, options: SandboxOptions): Promise<SandboxResult> {
    throwIfAborted(options.signal);
    refuseUnsupported(spec);
    const user = Accounts.of(spec.root).processUser(spec.user);
    ensureDirectory(spec.root, spec.cwd, user);
    // In a layer, if they are new: as every tier that mounts on them leaves them.
    for (const path of mountPoints) ensureDirectory(spec.root, path, { uid: 0, gid: 0 });
    const aside = join(spec.scratch, 'aside');
    mkdirSync(aside);
    const { setTimes } = this.#calls;
    const stubs = new Stubs(spec.root, setTimes);
    const standIns = new StandIns(spec.root, { aside, stubs, calls: this.#calls });
    try {
      standIns.file('/etc/resolv.conf', resolvConf('host', readTextOrUndefined('/etc/resolv.conf')));
      standIns.file('/etc/hosts', hostsFile(spec.hostname, spec.extraHosts));
      standIns.devices();
      writeConfig(spec, user);
      return { exitCode: await this.#execute(spec, user, options), stubs: [] };
    } finally {
      standIns.remove();
      stubs.remove();
    }
  }

  async #execute(
    spec: SandboxSpec,
    user: ProcessUser,
    { signal, stop, output }: SandboxOptions,
  ): Promise<number> {
    const { process, pipes } = this.#processes.take(output, user);
    const { child } = process;
    writeFileSync(join(spec.scratch, rootFile), spec.root);
    process.become({ bundle: spec.scratch });
    pipes.started();
    const end = (): void => {
      child.kill('SIGKILL');
      endRootProcesses(spec.root);
    };
    const abort = (): void => {
      if (stop === undefined) {
        end();
        return;
      }
      signalRootProcesses(spec.root, stopSignal(stop.signal));
      const timer = setTimeout(end, stop.graceMilliseconds);
      child.once('exit', () => clearTimeout(timer));
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const failed = await process.failure();
      // It was read. Without mounts it cannot be in memory, and a variable may be a secret.
      rmSync(configPath(spec), { force: true });
      if (output.kind === 'chunks' && !signal.aborted) this.#processes.prepare();
      const code = await process.ended;
      endRootProcesses(spec.root);
      await pipes.finished();
      if (signal.aborted) throw abortReason(signal);
      if (typeof code !== 'number') throw explainRuntimeFailure(reasonOf(code), spec);
      return failed === undefined ? code : exitCodeOf(failed, spec);
    } finally {
      signal.removeEventListener('abort', abort);
      endRootProcesses(spec.root);
    }
  }
}

function writeConfig(spec: SandboxSpec, user: ProcessUser): void {
  const allowed = containerCapabilities(readFileSync('/proc/self/status', 'utf8'));
  const config = ociSpec({
    ...{ ...spec, user, files: {}, bindFlags: 'kept', inUserNamespace: false, singleId: false },
    capabilities: allowed.filter((name) => name !== 'CAP_SYS_CHROOT'),
  });
  const alone = { ...config, mounts: [], linux: { namespaces: [] } };
  writeFileSync(configPath(spec), JSON.stringify(alone), { mode: 0o600 });
}

function configPath({ scratch }: SandboxSpec): string {
  return join(scratch, 'config.json');
}

/** What cannot be had without mounts and namespaces is refused, never left out. */
function refuseUnsupported({ network, security, limits, mounts }: SandboxSpec): void {
  const refused =
    mounts.length > 0
      ? 'a mount'
      : network === 'none'
        ? 'no network'
        : security === 'insecure'
          ? 'security=insecure'
          : limits.shmBytes !== undefined
            ? 'a size of /dev/shm'
            : undefined;
  if (refused === undefined) return;
  throw failure(
    'UNSUPPORTED',
    'give a step',
    refused,
    'the chroot sandbox has neither mounts nor namespaces here',
    {
      hint:
        mounts.length > 0
          ? '--sandbox proot has mounts'
          : 'polyarch doctor says what the other sandboxes need on this machine',
    },
  );
}
