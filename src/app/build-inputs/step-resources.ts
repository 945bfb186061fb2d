import type { StepResources } from '../../build/sandbox/cgroups/step-resources.ts';
import { parseByteSize } from '../../lib/byte-size.ts';
import { failure } from '../../lib/errors.ts';

/** As typed. */
export interface ResourceTexts {
  /** As `512m`. */
  readonly memory?: string | undefined;
  /** As `1g`, or -1. */
  readonly memorySwap?: string | undefined;
  /** As `1.5`. */
  readonly cpus?: string | undefined;
  readonly cpuShares?: string | undefined;
  /** As `0-2,4`. */
  readonly cpusetCpus?: string | undefined;
  readonly cgroupParent?: string | undefined;
}

/** moby, daemon_unix.go: linuxMinMemory, and the kernel's own bounds. */
const minMemory = 6 * 1024 * 1024;
const minCpus = 0.01;
const maxCpus = 10_000;
const minShares = 2;
const maxShares = 262_144;

/** `--memory`, `--memory-swap`, `--cpus`, `--cpu-shares`, `--cpuset-cpus` and `--cgroup-parent`; undefined where none is given. */
export function stepResources(texts: ResourceTexts): StepResources | undefined {
  const { memory, memorySwap, cpus, cpuShares, cpusetCpus, cgroupParent } = texts;
  const bytes = memory === undefined ? undefined : parseMemory(memory);
  const resources: StepResources = {
    ...(bytes !== undefined && { memory: bytes }),
    ...(memorySwap !== undefined && { memorySwap: parseSwap(memorySwap, bytes) }),
    ...(cpus !== undefined && { cpus: parseCpus(cpus) }),
    ...(cpuShares !== undefined && { cpuShares: parseShares(cpuShares) }),
    ...(cpusetCpus !== undefined && { cpusetCpus: parseCpuset(cpusetCpus) }),
    ...(cgroupParent !== undefined && { cgroupParent: parseParent(cgroupParent) }),
  };
  return Object.keys(resources).length === 0 ? undefined : resources;
}

function parseMemory(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined) throw wrong('--memory', text, 'it is no size', '--memory 512m');
  if (bytes < minMemory) throw wrong('--memory', text, 'it is less than 6m', '--memory 512m');
  return bytes;
}

function parseSwap(text: string, memory: number | undefined): number {
  const bytes = text === '-1' ? -1 : parseByteSize(text);
  if (memory === undefined)
    throw wrong(
      '--memory-swap',
      text,
      'it is memory and swap together, and there is no --memory',
      '--memory 512m',
    );
  if (bytes === undefined) throw wrong('--memory-swap', text, 'it is no size', '--memory-swap 1g');
  if (bytes !== -1 && bytes < memory)
    throw wrong(
      '--memory-swap',
      text,
      'it is memory and swap together, and less than --memory',
      '--memory-swap -1',
    );
  return bytes;
}

function parseCpus(text: string): number {
  const cpus = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (cpus >= minCpus && cpus <= maxCpus) return cpus;
  throw wrong('--cpus', text, `it is no number from ${minCpus} on`, '--cpus 1.5');
}

function parseShares(text: string): number {
  const shares = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (shares >= minShares && shares <= maxShares) return shares;
  throw wrong('--cpu-shares', text, `it is no number from ${minShares} to ${maxShares}`, '--cpu-shares 512');
}

function parseCpuset(text: string): string {
  if (/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return text;
  throw wrong('--cpuset-cpus', text, 'it is no list of processors', '--cpuset-cpus 0-1');
}

function parseParent(text: string): string {
  const parts = text.split('/').filter(Boolean);
  const clean =
    parts.length > 0 && parts.every((part) => part !== '.' && part !== '..' && !part.includes('\0'));
  if (clean) return text;
  throw wrong(
    '--cgroup-parent',
    text,
    'it is no path of a control group',
    '--cgroup-parent builds, or --cgroup-parent builds.slice',
  );
}

function wrong(option: string, text: string, what: string, hint: string): Error {
  return failure('USAGE', `use ${option}`, text, what, { hint });
}
