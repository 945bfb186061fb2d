import type { CheckResult } from '../../app/check-build.ts';
import { jsonLocation, jsonSources } from './location.ts';

/** The fields of buildx's `--call check,format=json`. */
export function checkJson({ warnings, error, violations, text }: CheckResult) {
  const message = error?.message ?? violations;
  return {
    warnings: warnings.map(({ rule, description, url, message, range }) => ({
      ruleName: rule,
      description,
      url,
      detail: message,
      location: jsonLocation(range),
    })),
    ...(message === undefined ? {} : { buildError: { message } }),
    sources: jsonSources(text),
  };
}

/** As buildx prints it. An error is printed by who gets it. */
export function renderCheck({ warnings, error, violations }: CheckResult): string {
  if (warnings.length === 0) return error === undefined ? 'Check complete, no warnings found.\n' : '';
  const count = warnings.length === 1 ? '1 warning has' : `${warnings.length} warnings have`;
  const parts = warnings.map(
    ({ rule, url, message, excerpt }) => `WARNING: ${rule} - ${url}\n${message}\n${excerpt}\n`,
  );
  if (violations !== undefined) parts.push(`With error=true a build fails: ${violations}\n`);
  return [`Check complete, ${count} been found!\n`, ...parts].join('\n');
}
