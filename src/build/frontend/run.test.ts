import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePlatform } from '../../oci/platform.ts';
import type { Node } from '../graph/graph.ts';
import { planImages } from './plan-images.ts';
import type { PlanRequest } from './plan-request.ts';

const amd64 = parsePlatform('linux/amd64');

async function runOf(
  dockerfile: string,
  options: Partial<PlanRequest> = {},
): Promise<{ node: Node; created: string | undefined }> {
  const plan = await planImages(
    {
      dockerfile,
      filename: 'Dockerfile',
      platforms: [amd64],
      buildPlatform: amd64,
      buildArgs: {},
      ...options,
    },
    { resolveBase: async () => assert.fail('no image is needed') },
  );
  const [image] = plan.images;
  assert.ok(image?.node.op.kind === 'run');
  return { node: image.node, created: image.history.at(-1)?.createdBy };
}

const mountsOf = async (flags: string, options: Partial<PlanRequest> = {}) => {
  const { node } = await runOf(`FROM scratch AS a\nFROM scratch\nWORKDIR /w\nRUN ${flags} x`, options);
  return node.op.kind === 'run' ? node.op.mounts : undefined;
};

describe('mounts of a RUN', () => {
  test('a bind reads the context or another tree; they are mounted by their targets', async () => {
    const { node } = await runOf(
      'FROM scratch AS a\nFROM scratch\nWORKDIR /w\nRUN --mount=from=a,target=/z,source=x/../y,rw --mount=src=s/t,dst=in x',
    );
    assert.ok(node.op.kind === 'run');
    assert.deepEqual(node.op.mounts, [
      { kind: 'bind', target: '/w/in', input: 2, source: '/s/t', writable: false, key: 'tree' },
      { kind: 'bind', target: '/z', input: 1, source: '/y', writable: true, key: 'content' },
    ]);
    assert.deepEqual(node.inputs[2]?.op, { kind: 'context', origin: { kind: 'context' }, path: 's/t' });
    assert.equal(node.inputs[1]?.op.kind, 'base');
  });

  test('a cache is named by its target, an owner makes it begin empty', async () => {
    const root = { uid: 0, gid: 0, mode: 0o755 };
    const usual = { kind: 'cache', sharing: 'shared', readOnly: false, source: '/' };
    assert.deepEqual(await mountsOf('--mount=type=cache,target=c/../d'), [
      { ...usual, target: '/w/d', id: 'd', start: root },
    ]);
    assert.deepEqual(await mountsOf('--mount=type=cache,target=/c,id=i,from=a,sharing=private'), [
      { ...usual, sharing: 'private', target: '/c', id: 'i', start: { input: 1 } },
    ]);
    assert.deepEqual(await mountsOf('--mount=type=cache,target=/c,from=a,uid=5'), [
      { ...usual, target: '/c', id: '/c', start: { ...root, uid: 5 } },
    ]);
    const named = await mountsOf('--mount=type=cache,target=/c', {
      buildArgs: { BUILDKIT_CACHE_MOUNT_NS: 'mine' },
    });
    assert.deepEqual(named, [{ ...usual, target: '/c', id: 'mine//c', start: root }]);
  });

  test('a secret is a file, a variable or both', async () => {
    const file = { kind: 'secret', required: false, uid: 0, gid: 0, mode: 0o400 };
    assert.deepEqual(await mountsOf('--mount=type=secret,id=a/b'), [
      { ...file, id: 'a/b', target: '/run/secrets/b' },
    ]);
    assert.deepEqual(await mountsOf('--mount=type=secret,target=t,uid=1,required'), [
      { ...file, id: 't', target: '/w/t', uid: 1, required: true },
    ]);
    assert.deepEqual(await mountsOf('--mount=type=secret,id=a,env=A'), [{ ...file, id: 'a', env: 'A' }]);
    assert.deepEqual(await mountsOf('--mount=type=secret,id=a,env=A,target=/t'), [
      { ...file, id: 'a', env: 'A', target: '/t' },
    ]);
  });

  test('the first agent is SSH_AUTH_SOCK, unless the step has one', async () => {
    const twice = 'RUN --mount=type=ssh,id=b --mount=type=ssh,target=/a x';
    const { node } = await runOf(`FROM scratch\n${twice}`);
    assert.ok(node.op.kind === 'run');
    assert.deepEqual(
      node.op.mounts?.map((mount) => mount.target),
      ['/a', '/run/buildkit/ssh_agent.0'],
    );
    assert.ok(node.op.env.includes('SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0'));
    const own = await runOf(`FROM scratch\nENV SSH_AUTH_SOCK=/mine\n${twice}`);
    assert.ok(own.node.op.kind === 'run');
    assert.deepEqual(
      own.node.op.env.filter((entry) => entry.startsWith('SSH')),
      ['SSH_AUTH_SOCK=/mine'],
    );
  });

  test('a secret’s variable is not shown, and no value is anywhere', async () => {
    const { node, created } = await runOf(
      'FROM scratch\nENV TOKEN=image\nRUN --mount=type=secret,id=t,env=TOKEN echo $TOKEN $PATH',
    );
    assert.match(node.steps[0]?.text ?? '', /echo \*\*\*\* \/usr/);
    assert.equal(created, 'RUN /bin/sh -c echo $TOKEN $PATH');
  });
});

test('a heredoc that is a program is mounted, others are the shell’s text', async () => {
  const program = await runOf('FROM scratch\nRUN <<P\n#!/x\nP');
  assert.ok(program.node.op.kind === 'run');
  assert.deepEqual(program.node.op.mounts, [{ kind: 'program', target: '/dev/pipes/P', content: '#!/x\n' }]);
  assert.equal(program.created, 'RUN /bin/sh -c /dev/pipes/P');
  assert.equal(program.node.steps[0]?.text, 'RUN <<P (#!/x)');
  const text = await runOf('FROM scratch\nRUN <<E\na\nb\nE');
  assert.equal(text.created, 'RUN /bin/sh -c a\nb\n');
  assert.equal(text.node.steps[0]?.text, 'RUN <<E (a...)');
});

test('an insecure step needs to be allowed; hosts and limits are every step’s', async () => {
  const dockerfile = 'FROM scratch\nRUN --security=insecure x';
  await assert.rejects(runOf(dockerfile), { code: 'DOCKERFILE', hint: /--allow security.insecure/ });
  const run = { extraHosts: [{ name: 'a', address: '::1' }], shmBytes: 5 };
  const { node } = await runOf(dockerfile, { allow: ['security.insecure'], run });
  assert.ok(node.op.kind === 'run');
  assert.equal(node.op.insecure, true);
  assert.deepEqual([node.op.extraHosts, node.op.shmBytes], [run.extraHosts, 5]);
});
