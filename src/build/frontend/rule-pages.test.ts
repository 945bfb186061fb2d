import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { digestOf } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { pageName, type Rule, rules } from '../dockerfile/lint/rules.ts';
import { checkDockerfile } from './check-dockerfile.ts';
import type { ResolveBase } from './plan-request.ts';

const pages = resolve(import.meta.dirname, '../../../docs/rules');
const amd64 = parsePlatform('linux/amd64');

/** Images under every name; two of them are for amd64 only, with an index and without. */
const resolveBase: ResolveBase = async (reference, platform) => {
  const arm64 = platform.architecture === 'arm64';
  if (arm64 && reference === 'without-arm64') {
    throw failure('PLATFORM_MISSING', 'select', 'linux/arm64', 'not there', { hint: 'it has linux/amd64' });
  }
  const digest = digestOf(reference);
  const descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 1 };
  return {
    reference,
    manifest: descriptor,
    config: {
      ...(reference === 'for-amd64-only' ? amd64 : platform),
      rootfs: { type: 'layers', diff_ids: [digest] },
    },
    layers: [{ descriptor, diffId: digest }],
  };
};

async function found(dockerfile: string): Promise<string[]> {
  const { warnings, error } = await checkDockerfile(
    {
      dockerfile,
      filename: 'Dockerfile',
      platforms: [amd64, parsePlatform('linux/arm64')],
      buildPlatform: amd64,
      buildArgs: { BUILDKIT_DOCKERFILE_CHECK: 'experimental=all', TAG: '3' },
      ignore: 'ignored.txt\n',
    },
    { resolveBase },
  );
  assert.equal(error, undefined, error?.message);
  return [...new Set(warnings.map(({ rule }) => rule))];
}

describe('docs/rules has a page for each rule, whose examples are true', () => {
  for (const rule of Object.values(rules) as unknown as Rule[]) {
    test(rule.name, async () => {
      const text = readFileSync(join(pages, `${pageName(rule)}.md`), 'utf8');
      assert.ok(
        text.startsWith(`# ${rule.name}\n\n${rule.description.replace(/\.?$/, '.')}\n`),
        'title and description',
      );
      assert.equal(text.includes('is experimental'), rule.experimental ?? false);
      const [bad = '', good = ''] = Array.from(
        text.matchAll(/```dockerfile\n(.*?)```/gs),
        ([, example]) => example,
      );
      assert.deepEqual(await found(bad), [rule.name]);
      assert.deepEqual(await found(good), []);
    });
  }

  test('and no other', () => {
    const files = Object.values(rules).map((rule) => `${pageName(rule)}.md`);
    assert.deepEqual(readdirSync(pages).sort(), [...files, 'README.md'].sort());
    const index = readFileSync(join(pages, 'README.md'), 'utf8');
    for (const rule of Object.values(rules))
      assert.match(index, new RegExp(`\\[${rule.name}\\]\\(${pageName(rule)}\\.md\\)`));
    assert.equal(Object.values(rules).filter(({ origin }) => origin === 'buildkit').length, 22);
  });
});
