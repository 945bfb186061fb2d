import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { digestOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { type Platform, parsePlatform } from '../../oci/platform.ts';
import type { ChildFacts, IndexFacts } from './index-facts.ts';
import { fixIndex, lintIndex } from './lint-index.ts';
import { lintRules } from './lint-rules.ts';

const size = 100;

function entry(platform: string | Platform | undefined, more: Partial<Descriptor> = {}): Descriptor {
  const spelled = typeof platform === 'string' ? parsePlatform(platform) : platform;
  return {
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(JSON.stringify([spelled, more])),
    size,
    ...(spelled === undefined ? {} : { platform: spelled }),
    ...more,
  };
}

const unknown = { os: 'unknown', architecture: 'unknown' };
const attestation = (about?: string): Descriptor =>
  entry(unknown, {
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      ...(about === undefined ? {} : { 'vnd.docker.reference.digest': about }),
    },
  });

function read(of: Descriptor, more: Partial<Extract<ChildFacts, { state: 'read' }>> = {}): ChildFacts {
  const manifest = { schemaVersion: 2 as const, mediaType: mediaTypes.ociManifest, config: of, layers: [] };
  return {
    state: 'read',
    size,
    document: { kind: 'manifest', mediaType: mediaTypes.ociManifest, manifest },
    ...(of.platform === undefined ? {} : { platform: of.platform }),
    ...more,
  };
}

function dockerDocument(of: Descriptor) {
  const mediaType = mediaTypes.dockerManifest;
  return {
    kind: 'manifest' as const,
    mediaType,
    manifest: { schemaVersion: 2 as const, mediaType, config: of, layers: [] },
  };
}

function facts(
  entries: readonly Descriptor[],
  children: ReadonlyMap<string, ChildFacts> = new Map(),
  mediaType: string = mediaTypes.ociIndex,
): IndexFacts {
  const all = entries.map((one) => [one.digest, children.get(one.digest) ?? read(one)] as const);
  return { name: 'i', mediaType, draft: { mediaType, entries }, children: new Map(all) };
}

const [amd64, arm64] = [entry('linux/amd64'), entry('linux/arm64')];
const v8 = entry({ os: 'linux', architecture: 'arm64', variant: 'v8' });
const bare = entry(undefined);
const child = (of: Descriptor, what: ChildFacts) => new Map([[of.digest as string, what]]);

/** For each rule an index that it finds something in, and what is left of the entries once it is mended (undefined: nothing can be). */
const docker = (of: Descriptor): Descriptor => ({ ...of, mediaType: mediaTypes.dockerManifest });
const windows = (version: string): Platform => ({
  os: 'windows',
  architecture: 'amd64',
  'os.version': version,
});

const positive: Record<string, { facts: IndexFacts; mended?: readonly Descriptor[]; mediaType?: string }> = {
  'empty-index': { facts: facts([]) },
  'missing-child': { facts: facts([amd64, arm64], child(arm64, { state: 'missing' })), mended: [amd64] },
  'unreadable-child': { facts: facts([amd64], child(amd64, { state: 'unreadable', reason: 'no JSON' })) },
  'repeated-entry': { facts: facts([amd64, arm64, amd64]), mended: [amd64, arm64] },
  'duplicate-platform': { facts: facts([arm64, v8]) },
  'wrong-size': {
    facts: facts([amd64], child(amd64, read(amd64, { size: 99 }))),
    mended: [{ ...amd64, size: 99 }],
  },
  'wrong-media-type': {
    facts: facts([{ ...amd64, mediaType: mediaTypes.dockerManifest }], child(amd64, read(amd64))),
    mended: [amd64],
  },
  'missing-platform': {
    facts: facts([bare], child(bare, read(bare, { platform: parsePlatform('linux/s390x') }))),
    mended: [{ ...bare, platform: parsePlatform('linux/s390x') }],
  },
  'platform-mismatch': {
    facts: facts([amd64], child(amd64, read(amd64, { platform: parsePlatform('linux/riscv64') }))),
    mended: [{ ...amd64, platform: parsePlatform('linux/riscv64') }],
  },
  'unnormalised-platform': {
    facts: facts([v8]),
    mended: [{ ...v8, platform: parsePlatform('linux/arm64') }],
  },
  'unknown-platform': { facts: facts([entry({ os: 'linux', architecture: 'pdp11' })]) },
  'nested-index': { facts: facts([entry('linux/amd64', { mediaType: mediaTypes.ociIndex })]) },
  'mixed-media-types': {
    facts: facts([amd64], new Map(), mediaTypes.dockerManifestList),
    mended: [amd64],
    mediaType: mediaTypes.ociIndex,
  },
  'unknown-without-reference': { facts: facts([amd64, attestation()]), mended: [amd64] },
  'dangling-attestation': { facts: facts([amd64, attestation(digestOf('gone'))]), mended: [amd64] },
  'attestation-first': {
    facts: facts([attestation(amd64.digest), amd64]),
    mended: [amd64, attestation(amd64.digest)],
  },
};

/** Sound in every way that a rule looks at. */
const sound = facts([amd64, arm64, entry({ os: 'linux', architecture: 'arm' }), attestation(arm64.digest)]);

describe('lint rules', () => {
  test('each has a page that starts with its name, and a case here', () => {
    assert.deepEqual(
      Object.keys(positive),
      lintRules.map((rule) => rule.id),
    );
    const list = readFileSync(join(import.meta.dirname, '../../../docs/lint/index/README.md'), 'utf8');
    for (const { id } of lintRules) {
      assert.ok(list.includes(`[${id}](${id}.md)`), id);
      const page = join(import.meta.dirname, `../../../docs/lint/index/${id}.md`);
      assert.ok(existsSync(page), `docs/lint/index/${id}.md`);
      assert.match(readFileSync(page, 'utf8'), new RegExp(`^# ${id}\\n`));
    }
  });

  test('a sound index has none, and stays as it is', () => {
    assert.deepEqual(lintIndex(sound), []);
    assert.deepEqual(fixIndex(sound), { draft: sound.draft, fixed: [], left: [] });
  });

  for (const [id, { facts: bad, mended, mediaType }] of Object.entries(positive)) {
    test(id, () => {
      assert.ok(lintIndex(bad).some((finding) => finding.rule === id));
      const rule = lintRules.filter((one) => one.id === id);
      assert.equal(lintIndex(sound, rule).length, 0);
      const { draft, fixed, left } = fixIndex(bad, rule);
      if (mended === undefined) {
        assert.deepEqual(draft, bad.draft);
        assert.deepEqual([fixed.length, left[0]?.fixable], [0, false]);
      } else {
        assert.deepEqual(draft, {
          ...bad.draft,
          entries: mended,
          mediaType: mediaType ?? bad.draft.mediaType,
        });
        assert.deepEqual([fixed.length, left], [1, []]);
      }
    });
  }

  test('a version of Windows that is not the config’s is a mismatch; one that the config does not name is not', () => {
    const [old, wrong] = [entry(windows('10.0.17763.1')), entry(windows('10.0.20348.1'))];
    const platform = old.platform as Platform;
    const bad = facts([wrong], child(wrong, read(wrong, { platform })));
    assert.deepEqual(
      lintIndex(bad).map(({ rule }) => rule),
      ['platform-mismatch'],
    );
    assert.deepEqual(fixIndex(bad).draft.entries, [{ ...wrong, platform }]);
    const unnamed = read(wrong, { platform: parsePlatform('windows/amd64') });
    assert.deepEqual(lintIndex(facts([wrong], child(wrong, unnamed))), []);
  });

  test('an index of Docker’s images alone becomes a Docker list, unless it says what that has no place for', () => {
    const entries = [docker(amd64), docker(arm64)];
    const all = facts(
      entries,
      new Map(entries.map((one) => [one.digest, { ...read(one), document: dockerDocument(one) }])),
    );
    const { draft, left } = fixIndex(all);
    assert.deepEqual([draft, left], [{ mediaType: mediaTypes.dockerManifestList, entries }, []]);
    const noted = fixIndex({ ...all, draft: { ...all.draft, annotations: { a: 'b' } } });
    assert.equal(noted.draft.mediaType, mediaTypes.ociIndex);
    assert.deepEqual([noted.fixed.length, ...noted.left.map(({ fixable }) => fixable)], [0, false, false]);
  });

  test('a mixture cannot be mended, and nothing is said to be', () => {
    const mixed = facts(
      [docker(amd64), arm64],
      child(docker(amd64), { ...read(amd64), document: dockerDocument(amd64) } as ChildFacts),
    );
    const { draft, fixed, left } = fixIndex(mixed);
    assert.deepEqual([draft, fixed], [mixed.draft, []]);
    assert.deepEqual(
      left.map(({ rule, fixable }) => [rule, fixable]),
      [['mixed-media-types', false]],
    );
  });

  test('fixes follow each other: what an entry leaves behind goes with it', () => {
    const bad = facts([amd64, arm64, attestation(arm64.digest)], child(arm64, { state: 'missing' }));
    const { draft, fixed, left } = fixIndex(bad);
    assert.deepEqual(draft.entries, [amd64]);
    assert.deepEqual(
      fixed.map((finding) => finding.rule),
      ['missing-child', 'dangling-attestation'],
    );
    assert.deepEqual(left, []);
  });
});
