import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDockerfile } from '../../src/build/dockerfile/parse.ts';
import type { ExactRange } from '../../src/build/dockerfile/source.ts';
import { isFailure } from '../../src/lib/errors.ts';

/** A directory for each case: `Dockerfile`, and in `result.json` what our parser makes of it. BuildKit shows its own tree nowhere. */
export const parserGoldens = join(import.meta.dirname, '../goldens/dockerfile');

/** Ranges as `2:1-4` or `2:1-3:9`, or their lines alone: goldens stay readable. */
export function compact(_: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || !('startLine' in value)) return value;
  const { startLine, startColumn, endLine, endColumn } = value as Partial<ExactRange>;
  if (startColumn === undefined) return `${startLine}-${endLine}`;
  return `${startLine}:${startColumn}-${endLine === startLine ? '' : `${endLine}:`}${endColumn}`;
}

/** The AST less the source, or the failure. */
export function outcomeOf(text: string): unknown {
  try {
    const { source: _, ...rest } = parseDockerfile(text, 'Dockerfile');
    return rest;
  } catch (error) {
    if (!isFailure(error)) throw error;
    return { code: error.code, message: error.message, excerpt: error.excerpt?.split('\n') };
  }
}

/** As `result.json` has it. */
export function parserOutcome(name: string): object {
  const text = readFileSync(join(parserGoldens, name, 'Dockerfile'), 'utf8');
  return JSON.parse(JSON.stringify(outcomeOf(text), compact)) as object;
}

/** Writes what is there now. */
export function recordParserGoldens(): readonly string[] {
  const names = readdirSync(parserGoldens).sort();
  for (const name of names) {
    const text = `${JSON.stringify(parserOutcome(name), undefined, 2)}\n`;
    writeFileSync(join(parserGoldens, name, 'result.json'), text);
  }
  return names;
}
