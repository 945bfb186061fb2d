import { Option } from 'commander';

/** As typed. */
export interface ResourceFlags {
  readonly memory?: string;
  readonly memorySwap?: string;
  readonly cpus?: string;
  readonly cpuShares?: string;
  readonly cpusetCpus?: string;
  readonly cgroupParent?: string;
}

/** Docker's names for what a RUN step may use. */
export function resourceOptions(): Option[] {
  return [
    new Option('-m, --memory <size>', 'most memory of each RUN step, as 512m'),
    new Option('--memory-swap <size>', 'memory and swap together; -1: any swap (default: twice --memory)'),
    new Option('--cpus <number>', 'processors that each RUN step may use, as 1.5'),
    new Option(
      '-c, --cpu-shares <weight>',
      'share of each RUN step where processors are short (default: 1024)',
    ),
    new Option('--cpuset-cpus <list>', 'processors that RUN steps run on, as 0-1'),
    new Option('--cgroup-parent <group>', 'control group of RUN steps: a path, or systemd’s NAME.slice'),
  ];
}
