import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckResult } from '../../app/check-build.ts';
import { failure } from '../../lib/errors.ts';
import { sarif } from './sarif.ts';

/** With the columns that ranges have where they are known. */
const whole = (line: number) => ({ startLine: line, startColumn: 1, endLine: line + 1, endColumn: 5 });

const warning = (rule: string, line: number): CheckResult['warnings'][number] => ({
  rule,
  message: `${rule} says "so"`,
  description: 'what it is about',
  url: rule === 'Own' ? 'docs/rules/own.md' : `https://docs.docker.com/go/dockerfile/rule/${rule}/`,
  line,
  range: whole(line),
  excerpt: '',
});

type Shape = { readonly [name: string]: Shape | readonly [Shape] | 'text' | 'count' | 'uri' | RegExp };

/** Holds a value to what the schema of SARIF 2.1.0 requires of the objects that are used; `?` behind a name that may be missing. Other names are refused. */
function assertShape(value: unknown, shape: Shape[string], at = '$'): void {
  if (shape instanceof RegExp) assert.match(String(value), shape, at);
  else if (shape === 'text') assert.ok(typeof value === 'string' && value !== '', at);
  // Lines and columns begin with 1; the schema has indexes from -1, ours from 0.
  else if (shape === 'count') assert.ok(Number.isInteger(value) && (value as number) >= 0, at);
  else if (shape === 'uri')
    assert.ok(URL.canParse(String(value), 'file:///') && !/[\s"<>]/.test(String(value)), at);
  else if (Array.isArray(shape)) {
    assert.ok(Array.isArray(value), at);
    for (const [index, item] of value.entries()) assertShape(item, shape[0] as Shape, `${at}[${index}]`);
  } else {
    const wanted = Object.entries(shape as Shape).map(([name, inner]) => ({
      name: name.replace('?', ''),
      inner,
      optional: name.endsWith('?'),
    }));
    const found = value as Record<string, unknown>;
    const names = wanted.map(({ name }) => name);
    for (const name of Object.keys(found)) assert.ok(names.includes(name), `${at}.${name} is no property`);
    for (const { name, inner, optional } of wanted) {
      if (found[name] !== undefined) assertShape(found[name], inner, `${at}.${name}`);
      else assert.ok(optional, `${at}.${name} is missing`);
    }
  }
}

const message: Shape = { text: 'text' };
const level = /^(?:none|note|warning|error)$/;
const log: Shape = {
  $schema: 'uri',
  version: /^2\.1\.0$/,
  runs: [
    {
      tool: {
        driver: {
          name: 'text',
          version: 'text',
          rules: [
            { id: 'text', name: 'text', shortDescription: message, 'helpUri?': 'uri', 'help?': message },
          ],
        },
      },
      columnKind: /^(?:utf16CodeUnits|unicodeCodePoints)$/,
      results: [
        {
          ruleId: 'text',
          ruleIndex: 'count',
          level,
          message,
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: 'uri' },
                region: {
                  startLine: 'count',
                  'startColumn?': 'count',
                  endLine: 'count',
                  'endColumn?': 'count',
                },
              },
            },
          ],
        },
      ],
      invocations: [
        { executionSuccessful: /^(?:true|false)$/, 'toolExecutionNotifications?': [{ level, message }] },
      ],
    },
  ],
};

test('SARIF has what its schema requires, and rules by their place', () => {
  const warnings = [warning('Own', 3), warning('FromAsCasing', 1), warning('Own', 9)];
  const base = { filename: 'dir with space/Dockerfile', warnings, text: '' } as unknown as CheckResult;
  for (const result of [base, { ...base, violations: 'lint violation found' }]) {
    const found = JSON.parse(JSON.stringify(sarif(result))) as ReturnType<typeof sarif>;
    assertShape(found, log);
    const [run] = found.runs;
    const ids = run?.tool.driver.rules.map(({ id }) => id) ?? [];
    assert.equal(new Set(ids).size, ids.length, 'ids are unique');
    for (const { ruleId, ruleIndex } of run?.results ?? []) assert.equal(ids[ruleIndex], ruleId);
  }
  const failed = { ...base, error: failure('DOCKERFILE', 'read', 'Dockerfile:1', 'it is wrong') };
  assertShape(JSON.parse(JSON.stringify(sarif(failed as CheckResult))), log);
  assertShape(JSON.parse(JSON.stringify(sarif({ ...base, warnings: [] }))), log);
});
