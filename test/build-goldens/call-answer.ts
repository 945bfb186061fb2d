import { checkBuild, outlineBuild, targetsOfBuild } from '../../src/app/check-build.ts';
import { checkJson } from '../../src/cli/call/render-check.ts';
import { outlineJson } from '../../src/cli/call/render-outline.ts';
import { targetsJson } from '../../src/cli/call/render-targets.ts';

/** `call:` of a case: what `--call` asks for. */
export type Call = 'check' | 'outline' | 'targets';

/** Our `--call METHOD,format=json`. */
export async function ourAnswer(call: Call, options: Parameters<typeof checkBuild>[0]): Promise<unknown> {
  if (call === 'outline') return outlineJson(await outlineBuild(options));
  if (call === 'targets') return targetsJson(await targetsOfBuild(options));
  return checkJson(await checkBuild(options));
}

interface Position {
  readonly line: number;
}

interface Location {
  readonly location?: {
    readonly ranges?: readonly { readonly start: Position; readonly end: Position }[];
  };
}

interface Answer {
  readonly [field: string]: unknown;
  readonly sources?: unknown;
  readonly warnings?: readonly (Location & { readonly ruleName: string; readonly detail: string })[] | null;
  readonly buildError?: unknown;
}

/** What is the same in both: lines, not columns; warnings of `rules` by line and without the rules' own texts; that there is an error, not its words. BuildKit has what is of one line in any order. */
export function steadyAnswer(answer: unknown, rules?: ReadonlySet<string>): unknown {
  const { sources: _, warnings, buildError, ...rest } = answer as Answer;
  // BuildKit has a range for each line of an instruction.
  const lines = ({ location }: Location) => {
    const ranges = location?.ranges ?? [];
    return ranges.length === 0 ? '' : `${ranges[0]?.start.line}-${ranges.at(-1)?.end.line}`;
  };
  const told = warnings?.filter(({ ruleName }) => rules?.has(ruleName) ?? true);
  const steady = (key: string, value: unknown): unknown => {
    if (key === 'location') return lines({ location: value as NonNullable<Location['location']> });
    return ['args', 'secrets', 'ssh'].includes(key) ? (value as Named[]).toSorted(byName) : value;
  };
  return {
    ...(JSON.parse(JSON.stringify(rest, steady)) as object),
    ...(warnings === undefined
      ? {}
      : {
          warnings: [
            ...new Set(told?.map((warning) => `${warning.ruleName}:${lines(warning)}: ${warning.detail}`)),
          ].sort(),
        }),
    ...(buildError === undefined ? {} : { buildError: true }),
  };
}

interface Named {
  readonly name: string;
}

function byName(a: Named, b: Named): number {
  return a.name < b.name ? -1 : 1;
}
