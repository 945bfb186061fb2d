import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { outputPipes } from '../../src/build/sandbox/program-output.ts';
import type { SandboxOutput } from '../../src/build/sandbox/sandbox.ts';

/** A named pipe's two ends, its name gone: Node makes no others. */
function pipe(): readonly [number, number] {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-pipe-'));
  try {
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    const read = openSync(join(directory, 'pipe'), constants.O_RDONLY | constants.O_NONBLOCK);
    return [read, openSync(join(directory, 'pipe'), constants.O_WRONLY)];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function run(script: string, onChunk: Extract<SandboxOutput, { kind: 'chunks' }>['onChunk']) {
  const pipes = outputPipes({ kind: 'chunks', onChunk }, { pipe, owner: undefined });
  const child = spawn('sh', ['-c', script], { stdio: [...pipes.stdio] });
  pipes.started();
  const exit = once(child, 'exit');
  return { exit, finished: pipes.finished() };
}

test('both streams come, apart, to the end of the last process that writes', async () => {
  const got = { stdout: '', stderr: '' };
  const { exit, finished } = await run(
    'echo out; echo err >&2; (sleep 0.05; echo late) & exit 0',
    (stream, chunk) => {
      got[stream] += chunk;
    },
  );
  await exit;
  await finished;
  assert.deepEqual(got, { stdout: 'out\nlate\n', stderr: 'err\n' });
});

test('a slow reader is waited for: nothing more is read meanwhile', async () => {
  let [bytes, active, most] = [0, 0, 0];
  const { finished } = await run('head -c 1000000 /dev/zero', async (_stream, chunk) => {
    most = Math.max(most, ++active);
    await new Promise(setImmediate);
    active--;
    bytes += chunk.length;
  });
  await finished;
  assert.deepEqual({ bytes, most }, { bytes: 1_000_000, most: 1 });
});

test('a reader that fails is told of at the end', async () => {
  const { finished } = await run('echo x', () => {
    throw new Error('full');
  });
  await assert.rejects(finished, /full/);
});

test('this process’s own descriptors need no pipes', async () => {
  const none = (): never => assert.fail('a pipe');
  const pipes = outputPipes({ kind: 'inherit', stdin: 'empty' }, { pipe: none, owner: undefined });
  assert.deepEqual(pipes.stdio, ['ignore', 'inherit', 'inherit']);
  await pipes.finished();
});
