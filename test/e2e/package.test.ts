import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const checkout = resolve(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
  version: string;
  exports: Record<string, { types: string; default: string } | string>;
};
const subpaths = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([name]) => name);

describe('the published package', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-package-'));
  const installed = join(scratch, 'node_modules/polyarch');
  const env = { ...process.env, npm_config_ignore_scripts: 'true', npm_config_prefer_offline: 'true' };

  before(async () => {
    await run(process.execPath, [join(checkout, 'scripts/build.ts')]);
    const pack = await run('npm', ['pack', '--json', '--pack-destination', scratch], { cwd: checkout, env });
    const answer = JSON.parse(pack.stdout) as { filename: string }[] | Record<string, { filename: string }>;
    const [packed] = Object.values(answer);
    assert.ok(packed);
    writeFileSync(
      join(scratch, 'package.json'),
      '{ "name": "consumer", "private": true, "type": "module" }\n',
    );
    await run('npm', ['install', '--no-audit', '--no-fund', `./${packed.filename}`], { cwd: scratch, env });
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  test('has a program that tells its version', async () => {
    const { stdout } = await run('npx', ['--no-install', 'polyarch', '--version'], { cwd: scratch, env });
    assert.equal(stdout, `polyarch ${manifest.version}\n`);
  });

  test('lists every command with its help', async () => {
    const program = join(installed, 'bin/polyarch.cjs');
    const { stdout } = await run(process.execPath, [program, '--help']);
    for (const [, name = ''] of stdout.matchAll(/^ {2}([\w-]+) {2,}/gm)) {
      const help = await run(process.execPath, [program, name, '--help'], { cwd: scratch });
      assert.match(help.stdout, /^Usage: polyarch /m, name);
    }
  });

  test('loads few files for a usual command', async () => {
    const program = join(installed, 'bin/polyarch.cjs');
    // Prints what was loaded when the program is done, whatever it said of a registry where nothing listens.
    const hook = join(scratch, 'loaded.cjs');
    writeFileSync(
      hook,
      "process.on('exit', () => require('node:fs').writeFileSync(process.env.LOADED, Object.keys(require.cache).join('\\n')));\n",
    );
    const image = '127.0.0.1:1/image:1';
    const commands = [
      { most: 3, argv: ['--version'] },
      { most: 6, argv: ['inspect', '--raw', '--retry-times', '0', image] },
      { most: 8, argv: ['copy', '--retry-times', '0', image, `${image}-copy`] },
      { most: 8, argv: ['index', 'create', '--retry-times', '0', `${image}-index`, image] },
    ];
    for (const { most, argv } of commands) {
      const list = join(scratch, 'loaded');
      await run(process.execPath, ['--require', hook, program, ...argv], {
        env: { ...env, LOADED: list },
      }).catch(() => {});
      const loaded = readFileSync(list, 'utf8')
        .split('\n')
        .filter((file) => file.includes('/dist/'));
      assert.ok(
        loaded.length > 0 && loaded.length <= most,
        `${argv.join(' ')}: ${loaded.length}\n${loaded.join('\n')}`,
      );
    }
  });

  test('gives every subpath something to import', async () => {
    assert.ok(subpaths.length > 0);
    const names = subpaths.map((subpath) => `polyarch${subpath.slice(1)}`);
    const script = `for (const name of ${JSON.stringify(names)}) {
      if (Object.keys(await import(name)).length === 0) throw new Error(name + ' is empty');
    }`;
    await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: scratch });
  });

  test('types what it gives', async () => {
    const imports = subpaths.map(
      (subpath, index) => `import * as room${index} from 'polyarch${subpath.slice(1)}';\nvoid room${index};`,
    );
    const consumer = [
      ...imports,
      "import { parsePlatform, type Platform } from 'polyarch/oci';",
      "import { MemoryStore, type Store } from 'polyarch/content';",
      "export const platform: Platform = parsePlatform('linux/arm64');",
      'export const store: Store = new MemoryStore();',
      '// @ts-expect-error a platform is not read from a number',
      'parsePlatform(64);',
    ];
    writeFileSync(join(scratch, 'consumer.ts'), consumer.join('\n'));
    const types = ['--typeRoots', join(checkout, 'node_modules/@types'), '--types', 'node'];
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', ...types];
    await run(join(checkout, 'node_modules/.bin/tsc'), [...options, 'consumer.ts'], { cwd: scratch });
  });

  test('says so on a Node that is too old', async () => {
    const program = JSON.stringify(join(installed, 'bin/polyarch.cjs'));
    const script = `Object.defineProperty(process.versions, 'node', { value: '20.20.2' }); await import(${program});`;
    await assert.rejects(run(process.execPath, ['--input-type=module', '--eval', script]), (error) => {
      const { code, stderr } = error as { code: number; stderr: string };
      assert.equal(code, 2);
      assert.match(stderr, /^error: Cannot start "polyarch": Node 20\.20\.2 is too old\nhint: .*\n$/);
      return true;
    });
  });
});
