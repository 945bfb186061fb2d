import { failure } from '../../lib/errors.ts';
import { findProgram } from '../../lib/find-program.ts';
import { readTextOrUndefined } from '../../lib/read-text.ts';
import { hostPlatform, normalizePlatform, type Platform } from '../../oci/platform.ts';
import { holdsCapability } from '../sandbox/capabilities.ts';
import type { StepResources } from '../sandbox/cgroups/step-resources.ts';
import { runsNatively } from '../sandbox/emulator-table.ts';
import { hostServes, planEmulation } from '../sandbox/emulators.ts';
import { findRuntime, hasRuntimeForRoot } from '../sandbox/probe-runtime.ts';
import { programEmulators } from '../sandbox/program-emulators.ts';
import type { Tier } from '../sandbox/tier.ts';
import { snapshotters } from '../snapshot/snapshotter.ts';
import type { KeeperConfig } from './keeper-config.ts';
import { lackingIds, newPrivilegesHint, noNewPrivileges } from './user-namespace.ts';

export type PlannedConfig = Omit<KeeperConfig, 'dataDirectory' | 'id' | 'writable'>;

export interface KeeperPlan {
  readonly tier: Tier;
  /** `other-emulators`: of use only where it was emulation that did not work. `without-mounts`: for those who name the tier. */
  readonly kind: 'first' | 'other-emulators' | 'other-namespaces' | 'without-mounts';
  /** SANDBOX and EMULATOR say what the machine lacks, as far as that shows without a try. */
  readonly plan: () => PlannedConfig & { readonly losses: readonly string[] };
}

/** The ways to start a keeper, in the order in which they are to be tried. */
export function keeperPlans(
  platforms: readonly Platform[],
  choice: 'auto' | Tier,
  resources?: StepResources,
): KeeperPlan[] {
  const foreign = platforms.filter((platform) => !runsNatively(platform, hostPlatform()));
  const emulated = foreign.map((platform) => normalizePlatform(platform).architecture);
  const isolated = (['oci', 'chroot'] as const).flatMap((tier): KeeperPlan[] => {
    const request = { tier, platforms, emulated };
    return [
      { tier, kind: 'first', plan: () => isolatedPlan(request) },
      ...(foreign.length > 0
        ? [{ tier, kind: 'other-emulators', plan: () => programsPlan(request, foreign, resources) } as const]
        : []),
      // A container may give root user namespaces and nothing else.
      ...(tier === 'chroot' && process.getuid?.() === 0
        ? [
            {
              tier,
              kind: 'other-namespaces',
              plan: () => isolatedPlan(request, { userNamespace: true }),
            } as const,
          ]
        : []),
    ];
  });
  const plans: KeeperPlan[] = [
    ...isolated,
    ...(choice === 'chroot'
      ? [
          {
            tier: choice,
            kind: 'without-mounts',
            plan: () => rootAlonePlan(foreign, emulated, resources),
          } as const,
        ]
      : []),
    { tier: 'proot', kind: 'first', plan: () => prootPlan(foreign, emulated, resources) },
  ];
  return plans.filter(({ tier }) => choice === 'auto' || tier === choice);
}

interface IsolatedRequest {
  readonly tier: 'oci' | 'chroot';
  readonly platforms: readonly Platform[];
  readonly emulated: readonly string[];
}

function isolatedPlan(
  { tier, platforms, emulated }: IsolatedRequest,
  wanted: { readonly userNamespace: boolean } = { userNamespace: false },
) {
  refuseNoNewPrivileges();
  const emulation = planEmulation(platforms);
  const needed = process.getuid?.() !== 0 || emulation.kind === 'private';
  const lacking = lackingIds();
  const userNamespace =
    wanted.userNamespace || needed || lacking !== undefined || (tier === 'oci' && !hasRuntimeForRoot());
  if (tier === 'oci') findRuntime({ inUserNamespace: userNamespace });
  return {
    tier,
    snapshotters,
    namespaces: true,
    userNamespace,
    ids: lacking === undefined ? 'all' : 'single',
    owners: lacking === undefined ? 'kept' : 'lost',
    binfmt: emulation.kind === 'private' ? emulation.lines : [],
    emulators: {},
    emulated,
    losses: lacking === undefined ? [] : [lostIds(lacking)],
  } as const;
}

/** Where no table of emulators can be had: native steps as ever, foreign ones by proot. */
function programsPlan(request: IsolatedRequest, foreign: readonly Platform[], resources?: StepResources) {
  refuseLimits(resources);
  needProot();
  const plan = isolatedPlan({ ...request, platforms: [] });
  return { ...plan, emulators: programEmulators(foreign), losses: [...plan.losses, lostWalls, lostNetwork] };
}

/** An ordinary user's programs then have no capabilities in a user namespace either. */
function refuseNoNewPrivileges(): void {
  if (process.getuid?.() === 0 || !noNewPrivileges(readTextOrUndefined('/proc/self/status') ?? '')) return;
  throw failure('SANDBOX', 'make namespaces', 'keeper', 'no_new_privs is set', { hint: newPrivilegesHint });
}

function lostIds({ what, hint }: { readonly what: string; readonly hint: string }): string {
  return `${what}, so that steps have one id: chown succeeds and is forgotten, all files that they make belong to root, a USER that is not root is refused (${hint})`;
}

const limitContainer = 'limit the container as a whole: docker run --memory 2g --cpus 2';

const lostWalls =
  'steps of other platforms are not walled off: they run by proot, see this build’s own processes and can read what it can';

const lostNetwork = 'RUN --network=none is refused: programs here have the network that this machine has';

function prootPlan(foreign: readonly Platform[], emulated: readonly string[], resources?: StepResources) {
  refuseLimits(resources);
  needProot();
  const keepsOwners = process.getuid?.() === 0 && lackingIds() === undefined;
  return {
    tier: 'proot',
    snapshotters: ['copy'],
    namespaces: false,
    userNamespace: false,
    ids: 'all',
    owners: keepsOwners ? 'kept' : 'lost',
    binfmt: [],
    emulators: programEmulators(foreign),
    emulated,
    losses: [
      'steps are not walled off: they see this container’s processes and can reach its files',
      lostNetwork,
      ...(keepsOwners
        ? []
        : ['owners are lost: all files that steps make belong to root, who may read them']),
    ],
  } as const;
}

/** chroot(2) alone; programs of other architectures where this machine's own table serves them, else by proot. */
function rootAlonePlan(foreign: readonly Platform[], emulated: readonly string[], resources?: StepResources) {
  if (resources !== undefined) {
    throw failure('SANDBOX', 'limit', 'RUN', 'without mounts steps get no control group of their own', {
      hint: limitContainer,
    });
  }
  if (!holdsCapability(readTextOrUndefined('/proc/self/status') ?? '', 'SYS_CHROOT')) {
    throw failure(
      'SANDBOX',
      'change root',
      'RUN',
      'without mounts this takes CAP_SYS_CHROOT, which an ordinary user has not',
      {
        hint: '--sandbox proot needs no privilege',
      },
    );
  }
  const byProot = foreign.filter((platform) => !hostServes(normalizePlatform(platform).architecture));
  if (byProot.length > 0) needProot();
  return {
    tier: 'chroot',
    snapshotters: ['copy'],
    namespaces: false,
    userNamespace: false,
    ids: 'all',
    owners: 'kept',
    binfmt: [],
    emulators: programEmulators(byProot),
    emulated,
    losses: [
      'steps are not walled off: they change their root and nothing else, and can reach this container’s processes',
      'steps have no /proc and no /sys, and may not chroot(2)',
      'RUN --mount and --network=none are refused: --sandbox proot has mounts',
    ],
  } as const;
}

/** A step by proot has no process that all of it hangs on: what would hold it, holds the whole container. */
function refuseLimits(resources: StepResources | undefined): void {
  if (resources === undefined) return;
  throw failure('SANDBOX', 'limit', 'RUN', 'steps by proot get no control group of their own', {
    hint: limitContainer,
  });
}

function needProot(): void {
  for (const [name, debianPackage] of [
    ['proot', 'proot'],
    ['setpriv', 'util-linux'],
  ] as const) {
    if (findProgram(name) !== undefined) continue;
    throw failure('SANDBOX', 'run', 'RUN', `there is no ${name} on this machine`, {
      hint: `apt-get install ${debianPackage}`,
    });
  }
}
