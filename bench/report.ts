import { cpus, release, totalmem } from 'node:os';

import { type Measurement, median } from './harness.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** ISO 8601, the day. */
  readonly date: string;
}

export function machine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** A finished comparison: the first measurement is ours, ratios are to it. */
export interface Comparison {
  readonly title: string;
  readonly measurements: readonly Measurement[];
  /** Contenders that could not take part, with the reason. */
  readonly missing: readonly string[];
  /** Told below the table. Default none. */
  readonly notes?: readonly string[];
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}

/** A Markdown table. `ratio` is the contender's median by the first row's. */
export function table(comparison: Comparison): string {
  const reference = median(comparison.measurements[0]?.milliseconds ?? []);
  const rows = comparison.measurements.map((measurement) => {
    const middle = median(measurement.milliseconds);
    const [low, high] = [Math.min(...measurement.milliseconds), Math.max(...measurement.milliseconds)];
    return [
      measurement.name.replaceAll('|', '\\|'),
      seconds(middle),
      `${seconds(low)}–${seconds(high)}`,
      String(measurement.milliseconds.length),
      (middle / reference).toFixed(2),
    ];
  });
  const header = ['', 'median', 'range', 'rounds', 'ratio'];
  const widths = header.map((name, column) =>
    Math.max(3, name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [
    `### ${comparison.title}`,
    '',
    line(header),
    line(widths.map((width) => '-'.repeat(width))),
    ...rows.map(line),
    ...(comparison.notes ?? []).map((note) => `\n${note}`),
    ...comparison.missing.map((reason) => `\nNot compared: ${reason}`),
    '',
  ].join('\n');
}

export function machineLine(here: Machine): string {
  return `${here.date}, ${here.cpu}, ${here.cores} cores, ${here.memoryGiB} GiB, Linux ${here.kernel}, Node ${here.node}`;
}

/** One line, for machines: medians and every round. */
export function json(name: string, here: Machine, comparisons: readonly Comparison[]): string {
  return JSON.stringify({
    version: 1,
    name,
    machine: here,
    comparisons: comparisons.map((comparison) => ({
      ...comparison,
      measurements: comparison.measurements.map((measurement) => ({
        ...measurement,
        median: median(measurement.milliseconds),
      })),
    })),
  });
}
