import { type Command, Option } from 'commander';
import type { BuildImageOptions } from '../../app/build.ts';
import { failure } from '../../lib/errors.ts';
import { ExitWith } from '../exit-with.ts';
import { type Format, formatData, jsonText, parseFormat, tableFormat } from '../format.ts';

export type CallMethod = 'build' | 'check' | 'outline' | 'targets';

export interface CallFlags {
  readonly call?: { readonly method: CallMethod; readonly format?: Format | 'sarif' };
  readonly check?: boolean;
  readonly format?: Format | 'sarif';
}

const methods: readonly string[] = ['build', 'check', 'outline', 'targets'];

/** The options that ask for something else than a build. */
export function addCallOptions(program: Command): Command {
  return program
    .option('--check', 'tell what the Dockerfile would be warned of, and build nothing; as --call check')
    .addOption(
      new Option(
        '--call <method>',
        'build, check, outline (arguments and secrets of a target) or targets',
      ).argParser(parseCall),
    )
    .addOption(
      new Option(
        '--format <format>',
        'of --check and --call: table, json, sarif (check), or text with {field.path}',
      ).argParser(parseCallFormat),
    );
}

/** buildx has the format behind the method: `check,format=json`. */
function parseCall(text: string): NonNullable<CallFlags['call']> {
  const [method = '', ...fields] = text.split(',').map((field) => field.trim());
  if (!methods.includes(method)) {
    throw failure('USAGE', 'use --call', text, 'there is no such method', {
      hint: `it is one of ${methods.join(', ')}`,
    });
  }
  let format: Format | 'sarif' | undefined;
  for (const field of fields) {
    if (!field.startsWith('format=')) {
      throw failure('USAGE', 'use --call', text, `"${field}" is not known`, {
        hint: '--call METHOD[,format=json]',
      });
    }
    format = parseCallFormat(field.slice('format='.length));
  }
  return { method: method as CallMethod, ...(format === undefined ? {} : { format }) };
}

function parseCallFormat(text: string): Format | 'sarif' {
  // buildx calls its table text.
  if (text === 'text') return tableFormat;
  return text === 'sarif' ? 'sarif' : parseFormat(text);
}

/** What is asked for. USAGE for a format that nothing would be printed in. */
export function callOf({ call, check, format }: CallFlags): Required<NonNullable<CallFlags['call']>> {
  const method = check ? 'check' : (call?.method ?? 'build');
  if (check && call !== undefined && call.method !== 'check') {
    throw failure('USAGE', 'use --check', `--call ${call.method}`, 'one of the two only');
  }
  const chosen = format ?? call?.format;
  if (chosen !== undefined && method === 'build') {
    throw failure('USAGE', 'use --format', 'build', 'a build prints no data', {
      hint: 'it goes with --check or --call',
    });
  }
  if (chosen === 'sarif' && method !== 'check') {
    throw failure('USAGE', 'use --format', 'sarif', `--call ${method} finds nothing`, {
      hint: '--format json',
    });
  }
  return { method, format: chosen ?? tableFormat };
}

/** Prints what a call gives. Ends with exit code 1 where a check found something. */
export async function runCall(
  method: Exclude<CallMethod, 'build'>,
  format: Format | 'sarif',
  options: BuildImageOptions,
): Promise<void> {
  const { checkBuild, outlineBuild, targetsOfBuild } = await import('../../app/check-build.ts');
  if (method === 'targets') {
    const { renderTargets, targetsJson } = await import('./render-targets.ts');
    const found = await targetsOfBuild(options);
    print(targetsJson(found), format, () => renderTargets(found.targets));
  } else if (method === 'outline') {
    const { outlineJson, renderOutline } = await import('./render-outline.ts');
    const outline = await outlineBuild(options);
    print(outlineJson(outline), format, () => renderOutline(outline));
  } else {
    const { checkJson, renderCheck } = await import('./render-check.ts');
    const result = await checkBuild(options);
    if (format === 'sarif') {
      const { sarif } = await import('./sarif.ts');
      process.stdout.write(`${jsonText(sarif(result), 2)}\n`);
    } else print(checkJson(result), format, () => renderCheck(result));
    if (result.error !== undefined) throw result.error;
    if (result.warnings.length > 0) throw new ExitWith(1);
  }
}

function print<T>(data: T, format: Format | 'sarif', table: () => string): void {
  if (format !== 'sarif') process.stdout.write(formatData(data, format, table));
}
