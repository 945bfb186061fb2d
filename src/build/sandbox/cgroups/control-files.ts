import type { CgroupController, StepResources } from './step-resources.ts';

export interface ControlFile {
  readonly name: string;
  readonly value: string;
  /** A kernel may lack it, and nothing that was asked for is lost. */
  readonly optional?: boolean;
}

const periodMicroseconds = 100_000;

/** What to write into a group of version 1's hierarchy of a controller, in this order (cgroup-v1/memory, sched-bwc, cpusets). */
export function controlFilesV1(controller: CgroupController, resources: StepResources): ControlFile[] {
  const { memory, cpus, cpuShares, cpusetCpus } = resources;
  switch (controller) {
    case 'memory':
      return memory === undefined
        ? []
        : [
            { name: 'memory.limit_in_bytes', value: `${memory}` },
            {
              name: 'memory.memsw.limit_in_bytes',
              value: `${swapTotal(memory, resources)}`,
              optional: resources.memorySwap === undefined,
            },
          ];
    case 'cpu':
      return [
        ...(cpuShares === undefined ? [] : [{ name: 'cpu.shares', value: `${cpuShares}` }]),
        ...(cpus === undefined
          ? []
          : [
              { name: 'cpu.cfs_period_us', value: `${periodMicroseconds}` },
              { name: 'cpu.cfs_quota_us', value: `${quota(cpus)}` },
            ]),
      ];
    case 'cpuset':
      return cpusetCpus === undefined ? [] : [{ name: 'cpuset.cpus', value: cpusetCpus }];
  }
}

/** The same for version 2 (cgroup-v2.rst). */
export function controlFilesV2(resources: StepResources): ControlFile[] {
  const { memory, memorySwap, cpus, cpuShares, cpusetCpus } = resources;
  const swap = memory === undefined ? 0 : swapTotal(memory, resources) - memory;
  return [
    ...(memory === undefined
      ? []
      : [
          { name: 'memory.max', value: `${memory}` },
          {
            name: 'memory.swap.max',
            value: memorySwap === -1 ? 'max' : `${swap}`,
            optional: memorySwap === undefined,
          },
        ]),
    ...(cpuShares === undefined ? [] : [{ name: 'cpu.weight', value: `${weight(cpuShares)}` }]),
    ...(cpus === undefined ? [] : [{ name: 'cpu.max', value: `${quota(cpus)} ${periodMicroseconds}` }]),
    ...(cpusetCpus === undefined ? [] : [{ name: 'cpuset.cpus', value: cpusetCpus }]),
  ];
}

/** Docker's default: as much swap as memory. */
function swapTotal(memory: number, { memorySwap }: StepResources): number {
  return memorySwap ?? memory * 2;
}

function quota(cpus: number): number {
  return Math.round(cpus * periodMicroseconds);
}

/** 2 … 262144 onto 1 … 10000 (runc's ConvertCPUSharesToCgroupV2Value). */
function weight(shares: number): number {
  return 1 + Math.floor(((shares - 2) * 9999) / 262142);
}

/** How many processes the kernel killed for their memory, from `memory.oom_control` of version 1 or `memory.events` of version 2. */
export function memoryKills(text: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}
