import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { type BuildFlags, buildImageOptions, defineBuild } from './build.ts';

function pushes(...argv: string[]): boolean | undefined {
  const program = defineBuild(new Command('build')).exitOverride();
  program.parse(['.', ...argv], { from: 'user' });
  return buildImageOptions('.', program.opts<BuildFlags>()).push;
}

test('of several outputs one that pushes is enough, in any order', () => {
  assert.equal(pushes(), false);
  assert.equal(pushes('-o', 'type=image'), false);
  assert.equal(pushes('-o', 'type=image,push=true'), true);
  assert.equal(pushes('-o', 'type=image', '-o', 'type=registry'), true);
  assert.equal(pushes('-o', 'type=registry', '-o', 'type=image'), true);
});
