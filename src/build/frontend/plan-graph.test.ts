// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the words of a Dockerfile look like this
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { amd64, arm64, lastCopy, nodesOf, plan, registry, sorted } from '../../../test/fixtures/plan.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import type { CopyOp } from '../graph/op.ts';
import type { ResolveBase } from './plan-request.ts';

describe('copying', () => {
  const cases: Readonly<Record<string, readonly [readonly string[], string]>> = {
    'a b/': [['a'], '/w/b/'],
    '. .': [['.'], '/w/'],
    '/a/ /b': [['a'], '/b'],
    '../../a /b/..': [['a'], '/'],
    'a b* ./c/.': [['a', 'b*'], '/w/c/'],
    '["a b", "/c"]': [['a b'], '/c'],
  };
  for (const [operands, [sources, destination]] of Object.entries(cases)) {
    test(operands, async () => {
      const op = lastCopy((await plan(`FROM a\nWORKDIR /w\nCOPY ${operands}`)).image.node);
      const patterns = op.sources.map(({ pattern, unpack }) => (unpack ? `${pattern} unpacked` : pattern));
      assert.deepEqual([patterns, op.destination], [sources, destination]);
    });
  }

  test('from a stage by name and number, from an image, from the context', async () => {
    const { image, calls } = await plan(
      'FROM a AS One\nRUN x\nFROM b\nCOPY --from=one x y\nCOPY --from=0 x y\nCOPY --from=img:1 x y\nADD x y',
      { platforms: [arm64] },
    );
    const inputs = nodesOf(image.node).flatMap(({ op, inputs: [, tree] }) =>
      op.kind === 'copy' ? [tree?.op.kind] : [],
    );
    assert.deepEqual(inputs, ['run', 'run', 'base', undefined]);
    assert.deepEqual(sorted(calls), ['a linux/arm64', 'b linux/arm64', 'img:1 linux/arm64']);
    assert.deepEqual(lastCopy(image.node).sources, [
      { origin: { kind: 'context' }, pattern: 'x', unpack: true },
    ]);
  });
});

describe('flags and heredocs of COPY and ADD', () => {
  const context = { kind: 'context' } as const;
  const cases: Readonly<Record<string, Partial<CopyOp>>> = {
    'COPY --parents a/./b/*.c ./x /y/./../z n/': {
      sources: [
        { origin: context, pattern: 'a', include: 'b/*.c' },
        { origin: context, pattern: '.', include: 'x' },
        { origin: context, pattern: 'y', include: 'z' },
      ],
    },
    'COPY --exclude=*.$V --exclude= --exclude=!b.c a b': { exclude: ['*.$V', '!b.c'] },
    'COPY --link --chown=1:root a b': { link: true, chown: '1:root' },
    'COPY --link --chmod=u=rwX,g-w a b': { chmod: 'u=rwX,g-w' },
    'COPY a <<X <<-"Y" /n/\n1 $V\nX\n\t2 $V\nY': {
      sources: [
        { origin: context, pattern: 'a' },
        { origin: { kind: 'inline', name: 'X', content: '1 c\n' }, pattern: 'X', literal: true },
        { origin: { kind: 'inline', name: 'Y', content: '2 $V\n' }, pattern: 'Y', literal: true },
      ],
    },
    'ADD --unpack=false a b': { sources: [{ origin: context, pattern: 'a' }] },
    'ADD https://example.org/x/%41%20b?q=1 https://example.org /n/': {
      sources: [
        {
          origin: { kind: 'http', url: 'https://example.org/x/%41%20b?q=1', name: 'A b' },
          pattern: 'A b',
          literal: true,
        },
        {
          origin: { kind: 'http', url: 'https://example.org', name: '__unnamed__' },
          pattern: '__unnamed__',
          literal: true,
        },
      ],
    },
    'ADD --keep-git-dir --checksum=abc git@example.org:a/b#v1:/sub/../dir /n/': {
      sources: [
        {
          origin: {
            kind: 'git',
            remote: 'git@example.org:a/b',
            ref: 'v1',
            subdirectory: 'dir',
            checksum: 'abc',
            keepGitDirectory: true,
          },
          pattern: '.',
          literal: true,
        },
      ],
    },
  };
  for (const [line, expected] of Object.entries(cases)) {
    test(line, async () => {
      const op = lastCopy((await plan(`FROM a\nENV V=c\n${line}`)).image.node);
      const found = Object.fromEntries(Object.keys(expected).map((key) => [key, op[key as keyof CopyOp]]));
      assert.deepEqual(found, expected);
      if (line.includes('--chmod')) assert.equal(op.link, undefined);
    });
  }

  test('credentials of an address are in no history and no step', async () => {
    const line = 'ADD https://me:pass@example.org/a.git#b https://u:pass@example.org/x?token=secret /n/';
    const { image } = await plan(`FROM a\n${line}`);
    const shown = 'ADD https://example.org/a.git#b https://example.org/x?… /n/';
    assert.equal(image.history.at(-1)?.createdBy, shown);
    assert.equal(image.node.steps[0]?.text, shown);
  });

  test('the history names them as BuildKit does', async () => {
    const { image } = await plan('FROM a\nCOPY --parents --link --exclude=x a <<X /n/\n1\nX');
    assert.equal(image.history.at(-1)?.createdBy, 'COPY --parents a <<X /n/');
  });
});

describe('one graph for all platforms', () => {
  const cross = (argument: string) =>
    `FROM --platform=$BUILDPLATFORM go AS build\n${argument}RUN make\nFROM scratch\nCOPY --from=build /x /x`;
  const platforms = [amd64, arm64];

  test('a stage of the build platform that reads no target argument exists once', async () => {
    const { graph, images, calls } = await plan(cross(''), { platforms });
    // base, RUN, scratch, COPY: nothing depends on the platform.
    assert.equal(graph.size, 4);
    assert.equal(images[0]?.node, images[1]?.node);
    assert.deepEqual(images[0]?.node.inputs[1]?.steps.length, 1);
    assert.deepEqual(calls, ['go linux/amd64']);
  });

  test('declaring TARGETARCH splits it, from its line on', async () => {
    const { graph } = await plan(cross('WORKDIR /w\nARG TARGETARCH\n'), { platforms });
    // base, WORKDIR, scratch once; RUN and COPY twice.
    assert.equal(graph.size, 7);
  });

  test('a RUN of each platform is its own, also on the same tree', async () => {
    const { graph } = await plan('FROM scratch\nRUN ["x"]', { platforms });
    assert.equal(graph.size, 3);
  });
});

describe('stages', () => {
  test('only those that the target needs are looked at', async () => {
    const dockerfile =
      'FROM unused AS u\nRUN --device=x y\nFROM a AS one\nFROM one AS two\nCOPY --from=c x y\nFROM u AS last';
    const { calls } = await plan(dockerfile, { target: 'TWO' });
    assert.deepEqual(sorted(calls), ['a linux/amd64', 'c linux/amd64']);
    await assert.rejects(plan(dockerfile), { code: 'UNSUPPORTED' });
    await assert.rejects(plan(dockerfile, { target: 'tow' }), {
      code: 'NOT_FOUND',
      message: /did you mean two/,
    });
  });

  test('base images are found side by side and once', async () => {
    let waiting = 0;
    let release = () => {};
    const both = new Promise<void>((resolve) => {
      release = resolve;
    });
    const base = registry();
    const { resolveBase } = base;
    base.resolveBase = async (...parameters) => {
      if (++waiting === 2) release();
      await both;
      return resolveBase(...parameters);
    };
    await plan('FROM a AS x\nFROM a AS y\nCOPY --from=x x y\nFROM b\nCOPY --from=y x y\nCOPY --from=a x y', {
      base,
    });
    assert.deepEqual(sorted(base.calls), ['a linux/amd64', 'b linux/amd64']);
  });

  test('a base that is not found stops the others and carries the line', async () => {
    let stopped = false;
    const resolveBase: ResolveBase = (reference, _platform, { signal }) =>
      reference === 'b'
        ? Promise.reject(failure('NOT_FOUND', 'resolve', 'b', 'no such image'))
        : new Promise((_, reject) => {
            signal?.addEventListener('abort', () => {
              stopped = true;
              reject(new Error('stopped'));
            });
          });
    const base = { calls: [], resolveBase };
    await assert.rejects(plan('FROM a AS x\nFROM b\nCOPY --from=x x y', { base }), (error) => {
      return isFailure(error, 'NOT_FOUND') && (error.excerpt?.includes('>>> FROM b') ?? false);
    });
    assert.ok(stopped);
  });

  test('steps are numbered as BuildKit counts them', async () => {
    const { image } = await plan('FROM a AS s\nENV V=x\nRUN echo $V "q"\n\nworkdir /w\nCOPY $V \\\n  b');
    const steps = nodesOf(image.node).flatMap((node) => node.steps);
    assert.deepEqual(
      steps.map(({ stage, number, total, startLine, endLine }) => [stage, number, total, startLine, endLine]),
      [
        ['s', 1, 4, 1, 1],
        ['s', 2, 4, 3, 3],
        ['s', 3, 4, 5, 5],
        ['s', 4, 4, 6, 7],
      ],
    );
    assert.match(steps[0]?.text ?? '', /^FROM docker\.io\/library\/a@sha256:/);
    assert.deepEqual(
      steps.slice(1).map(({ text }) => text),
      ['RUN echo x "q"', 'WORKDIR /w', 'COPY x   b'],
    );
  });
});

describe('ONBUILD', () => {
  test('is recorded, without a history, and not handed on by a stage that ran it', async () => {
    const dockerfile = 'FROM a AS one\nonbuild  run x\nONBUILD ENV A=$B\n';
    const { image } = await plan(dockerfile);
    assert.deepEqual(image.config.OnBuild, ['run x', 'ENV A=$B']);
    assert.deepEqual(image.history, []);
    const second = await plan(`${dockerfile}FROM one\nENV C=d`);
    assert.deepEqual(second.created, ['RUN /bin/sh -c x', 'ENV A=', 'ENV C=d']);
    assert.equal(second.image.config.OnBuild, undefined);
    assert.equal((await plan(`${dockerfile}FROM one AS two\nFROM two`)).created.length, 2);
  });

  test('triggers of a base run first, and bring the images that they read', async () => {
    const base = registry({ OnBuild: ['COPY --from=b x /y', 'ENV A=b'] });
    const { created: lines, calls, warnings } = await plan('FROM a\nENV C=$A', { base });
    assert.deepEqual(lines, ['COPY x /y', 'ENV A=b', 'ENV C=b']);
    assert.deepEqual(calls, ['a linux/amd64', 'b linux/amd64']);
    assert.deepEqual(warnings, []);
  });

  test('a bad trigger is told of at the FROM', async () => {
    for (const trigger of [
      'FROM a',
      'MAINTAINER x',
      'ONBUILD RUN x',
      'NOPE',
      'ENV',
      'RUN a\nRUN b',
      '# x',
      'COPY a',
    ]) {
      const base = registry({ OnBuild: [trigger] });
      await assert.rejects(plan('# c\nFROM a', { base }), { code: 'DOCKERFILE', message: /"Dockerfile:2"/ });
    }
  });
});
