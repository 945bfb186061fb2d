import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { loadRegistriesConf } from './load-registries-conf.ts';
import { parseRegistriesConf } from './parse-registries-conf.ts';
import { type Place, RegistriesConf } from './registries-conf.ts';

async function conf(text: string): Promise<RegistriesConf> {
  const { rules, warnings } = await parseRegistriesConf(text, '/etc/x.conf');
  return new RegistriesConf(rules, warnings);
}

const written = ({ registry, repository, insecure }: Place): string =>
  `${registry}/${repository}${insecure ? ' insecure' : ''}`;

/** Mirrors with what they may be asked for, then the place itself. */
async function sources(text: string, registry: string, repository: string): Promise<string[]> {
  const { mirrors, primary } = (await conf(text)).places(registry, repository);
  return [...mirrors.map((mirror) => `${written(mirror)} (${mirror.pull})`), written(primary)];
}

const hub = `
unqualified-search-registries = ["docker.io"]
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.gcr.io"
[[registry.mirror]]
location = "127.0.0.1:5000/hub"
insecure = true
pull-from-mirror = "digest-only"
`;

describe('rules', () => {
  test('mirrors take the place of the prefix, in their order', async () => {
    assert.deepEqual(await sources(hub, 'docker.io', 'library/debian'), [
      'mirror.gcr.io/library/debian (all)',
      '127.0.0.1:5000/hub/library/debian insecure (digest-only)',
      'docker.io/library/debian',
    ]);
    assert.deepEqual(await sources(hub, 'ghcr.io', 'a/b'), ['ghcr.io/a/b']);
  });

  test('the longest prefix counts, at the borders of names; a location rewrites', async () => {
    const text = `
[[registry]]
prefix = "r.example/a"
location = "other/z"
mirror-by-digest-only = true
[[registry.mirror]]
location = "m.example"
[[registry]]
prefix = "r.example/a/b"
location = "docker.io"
insecure = true
[[registry]]
prefix = "*.wild.example"
insecure = true
[[registry]]
prefix = "*.moved.example"
location = "here.example/x"
`;
    assert.deepEqual(await sources(text, 'r.example', 'a/c'), ['m.example/c (digest-only)', 'other/z/c']);
    assert.deepEqual(await sources(text, 'r.example', 'a/b/c'), ['docker.io/library/c insecure']);
    assert.deepEqual(await sources(text, 'r.example', 'ab'), ['r.example/ab']);
    assert.deepEqual(await sources(text, 'x.wild.example:5000', 'a'), ['x.wild.example:5000/a insecure']);
    assert.deepEqual(await sources(text, 'wild.example', 'a'), ['wild.example/a']);
    assert.deepEqual(await sources(text, 'y.moved.example', 'a/b'), ['here.example/x/a/b']);
    const { target } = (await conf(text)).places('r.example', 'a/b/c');
    assert.equal(written(target), 'r.example/a/b/c insecure');
  });

  test('what is blocked, or rewritten into no name, is refused', async () => {
    const text =
      '[[registry]]\nlocation = "evil.example"\nblocked = true\n[[registry]]\nprefix = "r.example"\nlocation = "Bad_Host!"\n';
    const rules = await conf(text);
    assert.throws(() => rules.places('evil.example', 'a'), {
      code: 'USAGE',
      message: /\/etc\/x\.conf blocks/,
    });
    assert.throws(() => rules.places('r.example', 'a'), { code: 'USAGE', message: /which is none/ });
  });
});

describe('files', () => {
  test('mistakes are errors that name the file, unknown keys are warnings', async () => {
    const mistakes = [
      '[[registry]]\nlocation = ',
      '[[registry]]\n',
      '[[registry]]\nlocation = "https://r.example"',
      '[[registry]]\nlocation = "r.example"\nblocked = "yes"',
      '[[registry]]\nprefix = "r.example"',
      '[[registry]]\nprefix = "*.r.example/a"',
      '[[registry]]\nlocation = "r.example"\n[[registry.mirror]]\n',
      '[[registry]]\nlocation = "r.example"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m"\npull-from-mirror = "all"',
      '[[registry]]\nlocation = "r.example"\n[[registry.mirror]]\nlocation = "m"\npull-from-mirror = "often"',
      'registry = [1]',
      '[registries.block]\nregistries = ["r.example"]',
    ];
    for (const text of mistakes) {
      await assert.rejects(conf(text), { code: 'USAGE', message: /\/etc\/x\.conf/ }, text);
    }
    assert.deepEqual((await conf('[registries.search]\nregistries = ["docker.io"]')).warnings, []);
    const { warnings } = await conf(
      'credential-helpers = ["x"]\n[[registry]]\nlocation = "r.example"\nblock = true',
    );
    assert.equal(warnings.length, 2);
  });

  test('the user’s file hides the system’s; directories add to it, the later counting', async () => {
    const root = await mkdtemp(join(tmpdir(), 'polyarch-registries-'));
    const write = async (name: string, mirror: string, before = ''): Promise<void> => {
      const path = join(root, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(
        path,
        `${before}[[registry]]\nlocation = "r.example"\n[[registry.mirror]]\nlocation = "${mirror}"\n`,
      );
    };
    const found = async (
      options: { path?: string; env?: NodeJS.ProcessEnv } = {},
    ): Promise<string | undefined> => {
      const env = { HOME: join(root, 'home'), ...options.env };
      const rules = await loadRegistriesConf({ ...options, env, systemDirectory: join(root, 'etc') });
      return rules.places('r.example', 'a').mirrors[0]?.registry;
    };
    try {
      assert.equal(await found(), undefined);
      await write('etc/registries.conf', 'etc');
      assert.equal(await found(), 'etc');
      await write('etc/registries.conf.d/2.conf', 'etc-two');
      await write('etc/registries.conf.d/1.conf', 'etc-one');
      await write('etc/registries.conf.d/9.txt', 'etc-text');
      assert.equal(await found(), 'etc-two');
      await write('etc/registries.conf.d/3.conf', 'etc-three', '# names\n[aliases]\n  "a" = "b.example/a"\n');
      assert.equal(await found(), 'etc-three');
      await writeFile(
        join(root, 'etc/registries.conf.d/4.conf'),
        '# names\n\n[aliases]\n  # a\n  "a" = "b.example/a"\n',
      );
      assert.equal(await found(), 'etc-three');
      await write('home/.config/containers/registries.conf.d/0.conf', 'user-drop-in');
      assert.equal(await found(), 'user-drop-in');
      await rm(join(root, 'home/.config/containers/registries.conf.d'), { recursive: true });
      await write('home/.config/containers/registries.conf', 'user');
      assert.equal(await found(), 'user');
      await write('named.conf', 'named');
      assert.equal(await found({ path: join(root, 'named.conf') }), 'named');
      assert.equal(await found({ env: { CONTAINERS_REGISTRIES_CONF: join(root, 'named.conf') } }), 'named');
      await assert.rejects(found({ path: join(root, 'none.conf') }), { code: 'USAGE' });
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});
