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

/** What is told in other figures than times. */
export interface Figures {
  readonly title: string;
  /** The first names the rows. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Told below the table. Default none. */
  readonly notes?: readonly string[];
}

export type Result = Comparison | Figures;

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}

/** A Markdown table. `ratio` is the contender's median by the first row's. */
export function table(result: Result): string {
  const { columns, rows, notes } = 'measurements' in result ? figuresOf(result) : result;
  const cells = [columns, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = columns.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [header = [], ...body] = cells;
  return [
    `### ${result.title}`,
    '',
    line(header),
    line(widths.map((width) => '-'.repeat(width))),
    ...body.map(line),
    ...(notes ?? []).map((note) => `\n${note}`),
    '',
  ].join('\n');
}

function figuresOf(comparison: Comparison): Figures {
  const reference = median(comparison.measurements[0]?.milliseconds ?? []);
  return {
    title: comparison.title,
    columns: ['', 'median', 'range', 'rounds', 'ratio'],
    rows: comparison.measurements.map(({ name, milliseconds }) => {
      const middle = median(milliseconds);
      const [low, high] = [Math.min(...milliseconds), Math.max(...milliseconds)];
      return [
        name,
        seconds(middle),
        `${seconds(low)}–${seconds(high)}`,
        String(milliseconds.length),
        (middle / reference).toFixed(2),
      ];
    }),
    notes: [...(comparison.notes ?? []), ...comparison.missing.map((reason) => `Not compared: ${reason}`)],
  };
}

export function machineLine(here: Machine): string {
  return `${here.date}, ${here.cpu}, ${here.cores} cores, ${here.memoryGiB} GiB, Linux ${here.kernel}, Node ${here.node}`;
}

/** One line, for machines: medians and every round. */
export function json(name: string, here: Machine, results: readonly Result[]): string {
  const comparisons = results.filter((result) => 'measurements' in result);
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
    figures: results.filter((result) => !('measurements' in result)),
  });
}
