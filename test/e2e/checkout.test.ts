import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';

const checkout = resolve(import.meta.dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'polyarch-checkout-'));
after(() => rmSync(scratch, { recursive: true }));

/** A checkout without packages; `modules` of this one's are linked into it. */
function bareCheckout(name: string, modules: readonly string[] = []): string {
  const directory = join(scratch, name);
  mkdirSync(join(directory, 'scripts'), { recursive: true });
  for (const file of ['polyarch', 'scripts/load-sources.cjs'])
    copyFileSync(join(checkout, file), join(directory, file));
  cpSync(join(checkout, 'src'), join(directory, 'src'), { recursive: true });
  if (modules.length > 0) {
    mkdirSync(join(directory, 'node_modules/.bin'), { recursive: true });
    symlinkSync(process.execPath, join(directory, 'node_modules/.bin/node'));
  }
  for (const module of modules)
    symlinkSync(join(checkout, 'node_modules', module), join(directory, 'node_modules', module));
  return directory;
}

function started(
  program: string,
  args: readonly string[],
  cwd = '/',
): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test('the checkout starts from any directory and through links', () => {
  symlinkSync(join(checkout, 'polyarch'), join(scratch, 'first'));
  symlinkSync('first', join(scratch, 'second'));
  symlinkSync('second', join(scratch, 'polyarch'));
  for (const [program, cwd] of [
    [join(checkout, 'polyarch'), '/'],
    ['../polyarch', join(checkout, 'src')],
    [join(scratch, 'polyarch'), '/'],
    ['./polyarch', scratch],
  ] as const) {
    const { status, output } = started(program, ['--version'], cwd);
    assert.match(output, /^polyarch \d+\.\d+\.\d+\n$/, `${program} from ${cwd}`);
    assert.equal(status, 0);
  }
});

test('a checkout without packages says what installs them', () => {
  const bare = bareCheckout('without packages');
  const expected = `error: Cannot start "polyarch": this checkout has no node_modules\nhint: (cd '${bare}' && npm ci)\n`;
  assert.deepEqual(started(join(bare, 'polyarch'), ['build', '.']), { status: 2, output: expected });
  assert.match(started('./polyarch', [], bare).output, /\nhint: npm ci\n$/);
});

test('a checkout whose packages are not complete says what installs them', () => {
  const bare = bareCheckout('half installed', ['koffi']);
  assert.deepEqual(started(join(bare, 'polyarch'), ['build', '.']), {
    status: 2,
    output: `error: Cannot start "polyarch": the package "commander" is missing in node_modules\nhint: (cd '${bare}' && npm ci)\n`,
  });
});
