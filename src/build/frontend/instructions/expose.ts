import { isIP } from 'node:net';
import type { Instruction } from '../../dockerfile/instruction.ts';
import { rules } from '../../dockerfile/lint/rules.ts';
import { readFlags } from '../../dockerfile/read-flags.ts';
import { invalid } from '../../dockerfile/source.ts';
import type { CommandReader } from '../command.ts';
import { goList } from '../go-format.ts';
import type { StageBuild } from '../stage-build.ts';

/** What one port costs of the budget, in characters. */
const portCost = 256;

/** EXPOSE: ranges become ports, the protocol lower case; an address or host port is dropped, with a warning. */
export const readExpose: CommandReader = (instruction, source) => {
  readFlags(source, instruction, {});
  const words =
    instruction.body.form === 'words'
      ? instruction.body.words.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      : [];
  if (words.length === 0) throw invalid(source, instruction.range, 'EXPOSE requires at least one argument');
  return {
    instruction,
    counts: false,
    apply(stage) {
      const known = Object.entries(stage.config.ExposedPorts ?? {});
      const ports: string[] = [];
      for (const word of words) {
        for (const spec of stage.expandToWords(instruction, word)) {
          const found = portsOf(stage, instruction, spec);
          stage.context.budget.spend((known.length + found.length) * portCost, source, instruction.range);
          for (const port of found) ports.push(port);
        }
      }
      stage.config.ExposedPorts = Object.fromEntries([...known, ...ports.map((port) => [port, {}] as const)]);
      stage.commit(instruction, `EXPOSE ${goList(ports)}`);
    },
  };
};

function portsOf(stage: StageBuild, instruction: Instruction, spec: string): string[] {
  const fail = (what: string) => stage.invalid(instruction, what);
  const parts = spec.split(':');
  const container = parts.at(-1) ?? '';
  const host = parts.length > 1 ? (parts.at(-2) ?? '') : '';
  const address = parts.slice(0, -2).join(':');
  const slash = container.indexOf('/');
  const port = slash < 0 ? container : container.slice(0, slash);
  const written = (slash < 0 ? '' : container.slice(slash + 1)) || 'tcp';
  const protocol = written.toLowerCase();
  if (port === '') throw fail(`invalid port "${spec}": no port specified`);
  if (!['tcp', 'udp', 'sctp'].includes(protocol))
    throw fail(`invalid port "${spec}": invalid proto: ${written}`);
  if (address !== '' && isIP(address.replace(/^\[(.*)\]$/, '$1')) === 0)
    throw fail(`invalid IP address: ${address}`);
  const range = portRange(port);
  if (range === undefined) throw fail(`invalid containerPort: ${port}`);
  if (host !== '') {
    const hostRange = portRange(host);
    if (hostRange === undefined) throw fail(`invalid hostPort: ${host}`);
    const [length, hostLength] = [range.end - range.start, hostRange.end - hostRange.start];
    if (length !== hostLength && length !== 0)
      throw fail(`invalid ranges for container and host ports: ${port} and ${host}`);
  }
  warn(stage, instruction, spec, { lowerCase: protocol === written, bare: host === '' && address === '' });
  return Array.from(
    { length: range.end - range.start + 1 },
    (_, index) => `${range.start + index}/${protocol}`,
  );
}

function portRange(text: string): { start: number; end: number } | undefined {
  const match = /^(\+?\d{1,5})(?:-(\+?\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = Number(match[2] ?? match[1]);
  return start <= end && end <= 65535 ? { start, end } : undefined;
}

function warn(
  stage: StageBuild,
  instruction: Instruction,
  spec: string,
  is: { readonly lowerCase: boolean; readonly bare: boolean },
): void {
  const { lint } = stage.context;
  if (!is.lowerCase) lint.report(rules.ExposeProtoCasing, instruction.range, spec);
  if (!is.bare) lint.report(rules.ExposeInvalidFormat, instruction.range, spec);
}
