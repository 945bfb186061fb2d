import { printable } from '../lib/redact.ts';

export interface Column {
  readonly title: string;
  /** Numbers are easier to compare at the right. Default left. */
  readonly align?: 'left' | 'right';
}

/** Aligned columns, two spaces between them, no trailing spaces. Cells may hold what somebody else wrote. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map(printable));
  const widths = columns.map(({ title }, at) =>
    shown.reduce((width, row) => Math.max(width, row[at]?.length ?? 0), title.length),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, at) => {
        const cell = cells[at] ?? '';
        return column.align === 'right' ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0);
      })
      .join('  ')
      .trimEnd();
  return [columns.map((column) => column.title), ...shown].map((cells) => `${line(cells)}\n`).join('');
}

/** `Name:    value` lines, values in one column; those without a value are left out. Both may be what somebody else wrote. */
export function fields(entries: readonly (readonly [name: string, value: string | undefined])[]): string {
  const shown = entries.flatMap(([name, value]) =>
    value ? [[printable(name), printable(value)] as const] : [],
  );
  const width = shown.reduce((most, [name]) => Math.max(most, name.length + 1), 0);
  return shown.map(([name, value]) => `${`${name}:`.padEnd(width)}  ${value}\n`).join('');
}

/** `12.3 MB`: powers of 1000, as Docker prints sizes. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
