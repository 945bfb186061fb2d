import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, reasonOf } from '../../../lib/errors.ts';
import { readTextOrUndefined } from '../../../lib/read-text.ts';
import { type ControlFile, controlFilesV1, controlFilesV2, memoryKills } from './control-files.ts';
import type { CgroupController, StepResources } from './step-resources.ts';

/** A group of this build's own, in which groups for its programs are made. */
export type BuildCgroup =
  | { readonly version: 1; readonly controllers: readonly CgroupController[]; readonly directory: string }
  | { readonly version: 2; readonly directory: string };

/** What is killed needs a moment until it is out of its group. */
const patienceMilliseconds = 10_000;
const pauseMilliseconds = 10;

/** The group of one program, in each hierarchy that holds it to something. */
export class StepCgroup {
  readonly #directories: readonly string[];

  /** SANDBOX when the kernel refuses a limit; then nothing is left. */
  constructor(parents: readonly BuildCgroup[], id: string, resources: StepResources) {
    const made: string[] = [];
    this.#directories = made;
    try {
      for (const parent of parents) {
        // Not the container's own name: runc, in a group beside it, would take that for its own and fail to write to it.
        const directory = join(parent.directory, `step-${id}`);
        mkdirSync(directory);
        made.push(directory);
        if (parent.version === 1 && parent.controllers.includes('cpuset')) inheritCpuset(directory);
        const files =
          parent.version === 2
            ? controlFilesV2(resources)
            : parent.controllers.flatMap((controller) => controlFilesV1(controller, resources));
        for (const file of files) write(directory, file);
      }
    } catch (error) {
      for (const directory of made) rmdirSync(directory);
      throw error;
    }
  }

  /** Whoever writes a process's id there moves it into the group. */
  get joins(): readonly string[] {
    return this.#directories.map((directory) => join(directory, 'cgroup.procs'));
  }

  /** How many processes in it were killed because the group's memory was used up. */
  get memoryKills(): number {
    const texts = this.#directories.flatMap((directory) =>
      ['memory.events', 'memory.oom_control'].map((name) => readTextOrUndefined(join(directory, name)) ?? ''),
    );
    return memoryKills(texts.find((text) => text.includes('oom_kill ')) ?? '');
  }

  async remove(): Promise<void> {
    const until = Date.now() + patienceMilliseconds;
    for (const directory of this.#directories) {
      while (!removed(directory) && Date.now() < until) await sleep(pauseMilliseconds);
    }
  }
}

/** A new group of version 1 has no processors and no memory to run on, and takes nobody. */
export function inheritCpuset(directory: string): void {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    const value = readTextOrUndefined(join(dirname(directory), name));
    if (value !== undefined) writeFileSync(join(directory, name), value);
  }
}

function write(directory: string, { name, value, optional = false }: ControlFile): void {
  const path = join(directory, name);
  if (optional && !existsSync(path)) return;
  try {
    writeFileSync(path, value);
  } catch (error) {
    throw failure('SANDBOX', 'limit', name, `the kernel refuses ${value}: ${reasonOf(error)}`, {
      hint: name.startsWith('cpuset')
        ? `--cpuset-cpus names processors of ${readTextOrUndefined('/sys/devices/system/cpu/online')?.trim() ?? 'this machine'}`
        : 'the kernel may lack this limit (swapaccount=1 on its command line for that of swap): polyarch doctor',
      cause: error,
    });
  }
}

function removed(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
