import type { CheckResult } from '../../app/check-build.ts';
import { version } from '../../lib/version.ts';

/** SARIF 2.1.0 (OASIS): what code hosts show beside a change. */
export function sarif({ filename, warnings, error, violations }: CheckResult) {
  const rules = [...new Map(warnings.map((warning) => [warning.rule, warning])).values()];
  const level = violations === undefined ? 'warning' : 'error';
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'polyarch',
            version,
            rules: rules.map(({ rule, description, url }) => ({
              id: rule,
              name: rule,
              shortDescription: { text: description },
              ...(url.startsWith('https://') ? { helpUri: url } : { help: { text: `See ${url}.` } }),
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: warnings.map(({ rule, message, range }) => ({
          ruleId: rule,
          ruleIndex: rules.findIndex((one) => one.rule === rule),
          level,
          message: { text: message },
          locations: [
            { physicalLocation: { artifactLocation: { uri: encodeURI(filename) }, region: range } },
          ],
        })),
        invocations: [
          {
            executionSuccessful: error === undefined,
            ...(error === undefined
              ? {}
              : { toolExecutionNotifications: [{ level: 'error', message: { text: error.message } }] }),
          },
        ],
      },
    ],
  };
}
