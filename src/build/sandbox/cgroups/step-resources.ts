/** What a program and all that it starts may use together. */
export interface StepResources {
  /** Bytes. */
  readonly memory?: number;
  /** Bytes of memory and swap together, -1: as much swap as there is. Default: twice the memory. */
  readonly memorySwap?: number;
  /** Processors, as 1.5. */
  readonly cpus?: number;
  /** 2 to 262144, 1024 being what others have: counts where processors are short. */
  readonly cpuShares?: number;
  /** The kernel's list, as `0-2,4`. */
  readonly cpusetCpus?: string;
  /** A group that exists or is made: a path below the hierarchies' roots, or systemd's slice (`NAME.slice`). Default: this process's own. */
  readonly cgroupParent?: string;
}

export type CgroupController = 'memory' | 'cpu' | 'cpuset';

/** The controllers that hold a program to `resources`. */
export function controllersOf(resources: StepResources): CgroupController[] {
  const { memory, cpus, cpuShares, cpusetCpus } = resources;
  return [
    ...(memory === undefined ? [] : (['memory'] as const)),
    ...(cpus === undefined && cpuShares === undefined ? [] : (['cpu'] as const)),
    ...(cpusetCpus === undefined ? [] : (['cpuset'] as const)),
  ];
}
