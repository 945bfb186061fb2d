// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the words of a Dockerfile look like this
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cpuTime } from '../../../test/fixtures/cpu-time.ts';
import { digestOf } from '../../lib/digest.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import type { ContainerConfig, ImageConfig } from '../../oci/manifest.ts';
import { formatPlatform, type Platform, parsePlatform } from '../../oci/platform.ts';
import type { Node } from '../graph/graph.ts';
import type { CopyOp } from '../graph/op.ts';
import { planImages } from './plan-images.ts';
import type { PlanRequest, ResolveBase } from './plan-request.ts';

const amd64 = parsePlatform('linux/amd64');
const arm64 = parsePlatform('linux/arm64');

/** Base images that exist under every name, one layer each; `calls` counts what was asked for. */
function registry(config: ContainerConfig = {}, more: Partial<ImageConfig> = {}) {
  const calls: string[] = [];
  const resolveBase: ResolveBase = async (reference, platform: Platform) => {
    calls.push(`${reference} ${formatPlatform(platform)}`);
    const digest = digestOf(`${reference} ${formatPlatform(platform)}`);
    const descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 1 };
    return {
      reference: `docker.io/library/${reference}@${digest}`,
      manifest: descriptor,
      config: {
        ...platform,
        config,
        rootfs: { type: 'layers', diff_ids: [digest] },
        history: [{ created_by: 'base' }],
        ...more,
      },
      layers: [{ descriptor, diffId: digest }],
    };
  };
  return { calls, resolveBase };
}

interface Options extends Partial<Omit<PlanRequest, 'dockerfile'>> {
  readonly base?: ReturnType<typeof registry>;
}

async function plan(dockerfile: string, options: Options = {}) {
  const { base = registry(), ...request } = options;
  const built = await planImages(
    {
      dockerfile,
      filename: 'Dockerfile',
      platforms: [amd64],
      buildPlatform: amd64,
      buildArgs: {},
      ...request,
    },
    { resolveBase: base.resolveBase },
  );
  const [image] = built.images;
  assert.ok(image);
  return { ...built, image, created: image.history.map((entry) => entry.createdBy), calls: base.calls };
}

const configOf = async (dockerfile: string, options?: Options) =>
  (await plan(dockerfile, options)).image.config;
const sorted = (texts: readonly string[]) => texts.toSorted((a, b) => a.localeCompare(b));
const created = async (dockerfile: string, options?: Options) => (await plan(dockerfile, options)).created;
const nodesOf = (node: Node): Node[] => [...(node.inputs[0] ? nodesOf(node.inputs[0]) : []), node];
const lastRun = (node: Node) => {
  const op = nodesOf(node).findLast(({ op: { kind } }) => kind === 'run')?.op;
  assert.ok(op?.kind === 'run');
  return op;
};
const lastCopy = (node: Node) => {
  assert.ok(node.op.kind === 'copy');
  return node.op;
};

describe('what an instruction writes into the history', () => {
  const cases: Readonly<Record<string, string>> = {
    'RUN echo $A': 'RUN /bin/sh -c echo $A',
    'RUN ["echo", "a b"]': 'RUN echo a b',
    'COPY --chown=1 --chmod=644 a b /c/': 'COPY --chown=1 --chmod=644 a b /c/',
    'COPY --from=other /x .': 'COPY /x .',
    'ADD a.tar /': 'ADD a.tar /',
    'WORKDIR a': 'WORKDIR /a',
    'WORKDIR /': 'WORKDIR /',
    'ENV A=b C="d e"': 'ENV A=b C=d e',
    'LABEL a="b c" d=e': 'LABEL a=b c d=e',
    'ARG A B=c': 'ARG A B=c',
    'USER 1:2': 'USER 1:2',
    'EXPOSE 90 80-82/UDP': 'EXPOSE [80/udp 81/udp 82/udp 90/tcp]',
    'EXPOSE 127.0.0.1:8080:80': 'EXPOSE [80/tcp]',
    'CMD a "b"': 'CMD ["/bin/sh" "-c" "a \\"b\\""]',
    'CMD ["a", "\\u0007é\\u200b"]': 'CMD ["a" "\\aé\\u200b"]',
    'ENTRYPOINT ["a", "b"]': 'ENTRYPOINT ["a" "b"]',
    'VOLUME /a /b': 'VOLUME [/a /b]',
    'VOLUME ["/a b"]': 'VOLUME [/a b]',
    'STOPSIGNAL SIGRTMIN+3': 'STOPSIGNAL SIGRTMIN+3',
    'SHELL ["/bin/bash", "-c"]': 'SHELL [/bin/bash -c]',
    'MAINTAINER A $B': 'MAINTAINER A $B',
    'HEALTHCHECK --interval=90s --timeout=1.5s --start-period=2h --retries=3 CMD a b': `HEALTHCHECK &{["CMD-SHELL" "a b"] "1m30s" "1.5s" "2h0m0s" "0s" '\\x03'}`,
    'HEALTHCHECK --interval=500ms CMD ["a"]': `HEALTHCHECK &{["CMD" "a"] "500ms" "0s" "0s" "0s" '\\x00'}`,
    'HEALTHCHECK NONE': `HEALTHCHECK &{["NONE"] "0s" "0s" "0s" "0s" '\\x00'}`,
  };
  for (const [instruction, expected] of Object.entries(cases)) {
    test(instruction, async () => {
      assert.deepEqual(await created(`FROM scratch AS other\nFROM a\n${instruction}`), [expected]);
    });
  }

  test('only what makes a layer has a node', async () => {
    const { image } = await plan('FROM a\nENV A=b\nRUN x\nWORKDIR /\nWORKDIR /w\nCOPY a b\nUSER u');
    const kinds = image.history.map(({ node }) => node?.op.kind);
    assert.deepEqual(kinds, [undefined, 'run', undefined, 'mkdir', 'copy', undefined]);
    assert.deepEqual(image.baseHistory, [{ created_by: 'base' }]);
  });
});

describe('arguments and variables', () => {
  test('a global ARG is unseen until it is declared, and keeps its value then', async () => {
    const dockerfile = 'ARG V=1\nFROM a:$V\nENV A=${V:-unset}\nARG V\nENV B=$V\nARG V=2\nENV C=$V';
    const { image, calls } = await plan(dockerfile);
    assert.deepEqual(image.config.Env?.slice(1), ['A=unset', 'B=1', 'C=2']);
    assert.deepEqual(calls, ['a:1 linux/amd64']);
    const given = await plan(dockerfile, { buildArgs: { V: '9' } });
    assert.deepEqual(given.image.config.Env?.slice(1), ['A=unset', 'B=9', 'C=9']);
    assert.deepEqual(given.calls, ['a:9 linux/amd64']);
  });

  test('a stage has the ARGs of the stage that it is FROM, another has not', async () => {
    const head = 'FROM a AS one\nARG V=1\n';
    assert.deepEqual((await configOf(`${head}FROM one\nENV A=$V`)).Env?.at(-1), 'A=1');
    assert.deepEqual((await configOf(`${head}FROM a\nENV A=$V`)).Env?.at(-1), 'A=');
  });

  test('ENV behind ARG wins, in the environment and in the history', async () => {
    const { image, created: lines } = await plan('FROM a\nARG V=1\nENV V=2\nRUN x', {
      buildArgs: { V: '3' },
    });
    assert.deepEqual(lines.at(-1), 'RUN |1 V=2 /bin/sh -c x');
    assert.ok(lastRun(image.node).env.includes('V=2'));
  });

  test('ENV of the base wins over an ARG that was inherited', async () => {
    const { image } = await plan('FROM a AS one\nENV V=env\nARG V=arg\nFROM one\nRUN x');
    assert.ok(lastRun(image.node).env.includes('V=env'));
  });

  test('the values of one ENV are those before it', async () => {
    assert.deepEqual((await configOf('FROM a\nENV abc=hello\nENV abc=bye def=$abc')).Env?.slice(1), [
      'abc=bye',
      'def=hello',
    ]);
  });

  test('the arguments in scope are in RUN and its history; those without a value are empty there', async () => {
    const { image, created: lines } = await plan('ARG G=g\nFROM a\nARG A=1 N\nARG G\nRUN x\nARG B=2');
    assert.equal(lines[2], 'RUN |3 A=1 N= G=g /bin/sh -c x');
    assert.deepEqual(lastRun(image.node).env.slice(1), ['A=1', 'G=g']);
  });

  test('automatic arguments are there once declared, and --build-arg overrides them', async () => {
    const dockerfile =
      'FROM a\nARG TARGETARCH TARGETVARIANT BUILDPLATFORM\nENV A="$TARGETARCH $TARGETVARIANT $BUILDPLATFORM $TARGETOS"';
    const armv7 = { platforms: [parsePlatform('linux/arm/v7')] };
    assert.equal((await configOf(dockerfile, armv7)).Env?.at(-1), 'A=arm v7 linux/amd64 ');
    const overridden = await configOf(dockerfile, { ...armv7, buildArgs: { TARGETARCH: 'riscv64' } });
    assert.equal(overridden.Env?.at(-1), 'A=riscv64 v7 linux/amd64 ');
  });

  test('proxy arguments reach neither keys nor history unless declared', async () => {
    const dockerfile = 'FROM a\nRUN x';
    const plain = await plan(dockerfile);
    const proxied = await plan(dockerfile, { buildArgs: { http_proxy: 'http://u:p@proxy', NO_PROXY: 'x' } });
    assert.equal(proxied.image.node.digest, plain.image.node.digest);
    assert.deepEqual(proxied.created, plain.created);
    assert.deepEqual(proxied.proxyEnv, [
      'HTTP_PROXY=http://u:p@proxy',
      'http_proxy=http://u:p@proxy',
      'NO_PROXY=x',
      'no_proxy=x',
    ]);
  });

  test('RUN, CMD and ENTRYPOINT are not expanded; paths, users, ports and labels are', async () => {
    const { image } = await plan(
      'FROM a\nENV V=v P=80\nRUN $V\nCMD $V\nENTRYPOINT ["$V"]\nUSER $V\nLABEL $V=${V}\nEXPOSE $P\nVOLUME /$V\nWORKDIR /$V\nCOPY $V \\$V',
    );
    assert.deepEqual(lastRun(image.node).args, ['/bin/sh', '-c', '$V']);
    const { Cmd, Entrypoint, User, Labels, ExposedPorts, Volumes, WorkingDir } = image.config;
    assert.deepEqual([Cmd, Entrypoint, User, WorkingDir], [['/bin/sh', '-c', '$V'], ['$V'], 'v', '/v']);
    assert.deepEqual([Labels, ExposedPorts, Volumes], [{ v: 'v' }, { '80/tcp': {} }, { '/v': {} }]);
    assert.deepEqual(lastCopy(image.node).sources[0]?.pattern, 'v');
    assert.equal(lastCopy(image.node).destination, '/v/$V');
  });
});

describe('configs', () => {
  test('scratch has PATH and a directory, a base without PATH gets one', async () => {
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    assert.deepEqual(await configOf('FROM scratch'), { WorkingDir: '/', Env: [path] });
    const base = registry({ Env: ['A=b'] });
    assert.deepEqual((await configOf('FROM a', { base })).Env, ['A=b', path]);
  });

  test('ENTRYPOINT clears a CMD of the base, not one of its own stage', async () => {
    const base = registry({ Cmd: ['sh'] });
    assert.equal((await configOf('FROM a\nENTRYPOINT ["e"]', { base })).Cmd, undefined);
    assert.deepEqual((await configOf('FROM a\nCMD ["c"]\nENTRYPOINT ["e"]', { base })).Cmd, ['c']);
    assert.equal(
      (await configOf('FROM a AS b\nCMD ["c"]\nFROM b\nENTRYPOINT ["e"]', { base })).Cmd,
      undefined,
    );
  });

  test('SHELL is what later shell forms are run with', async () => {
    const { image } = await plan('FROM a\nSHELL ["/bin/bash", "-ec"]\nRUN x\nCMD y');
    assert.deepEqual(lastRun(image.node).args, ['/bin/bash', '-ec', 'x']);
    assert.deepEqual(image.config.Cmd, ['/bin/bash', '-ec', 'y']);
  });

  test('directories are joined, and kept as written where absolute', async () => {
    const { image } = await plan('FROM a\nWORKDIR /a/\nWORKDIR b/../c\nRUN x\nCOPY x ./\nWORKDIR /d/');
    assert.equal(image.config.WorkingDir, '/d/');
    assert.equal(lastRun(image.node).cwd, '/a/c');
    assert.deepEqual(
      nodesOf(image.node).flatMap(({ op }) => (op.kind === 'mkdir' ? [op.path] : [])),
      ['/a', '/a/c', '/d'],
    );
  });

  test('the variant of the base stays where none was asked for; another platform takes nothing of it', async () => {
    const base = registry({}, { architecture: 'amd64', variant: 'v3' });
    assert.deepEqual((await plan('FROM a', { base })).image.target, {
      os: 'linux',
      architecture: 'amd64',
      variant: 'v3',
    });
    const other = await plan('FROM a', { base, platforms: [arm64] });
    assert.deepEqual(other.image.target, arm64);
    assert.deepEqual(
      other.warnings.map(({ rule }) => rule),
      ['InvalidBaseImagePlatform'],
    );
  });

  test('MAINTAINER is the author, with a warning', async () => {
    const { image, warnings } = await plan('FROM a\nMAINTAINER me');
    assert.equal(image.author, 'me');
    assert.deepEqual(
      warnings.map(({ rule, line }) => [rule, line]),
      [['MaintainerDeprecated', 2]],
    );
  });

  test('a base config of a wrong shape is refused', async () => {
    for (const config of [{ Env: 5 }, { Labels: { a: 1 } }, { Cmd: 'sh' }, 7]) {
      const base = registry(config as ContainerConfig);
      await assert.rejects(plan('FROM a', { base }), { code: 'CONTENT_INVALID' });
    }
    const nulls = registry({ Env: null, Cmd: null } as unknown as ContainerConfig);
    assert.equal((await configOf('FROM a', { base: nulls })).Cmd, undefined);
  });
});

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

describe('refusals carry the line', () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    UNSUPPORTED: ['RUN --device=x y'],
    DOCKERFILE: [
      'RUN --netwrok=none x',
      'RUN --network=bridge x',
      'RUN []',
      'COPY a',
      'COPY --from=$X a b',
      'COPY --from=0 a b',
      'COPY --from=7 a b',
      'COPY --from=self a b',
      'COPY --chmod=999 a b',
      'COPY --chown=1 --chown=2 a b',
      'COPY --link=maybe a b',
      'COPY --chmod=u+q a b',
      'COPY --chmod=17777 a b',
      'COPY --exclude=[ a b',
      'COPY --link --chown=bin a b',
      'COPY https://example.org/a /',
      'COPY git@example.org:a/b.git /',
      'ADD --checksum=sha256:x https://example.org/a /',
      `ADD --checksum=sha512:${'0'.repeat(128)} https://example.org/a /`,
      `ADD --checksum=sha256:${'0'.repeat(64)} a /`,
      `ADD --checksum=sha256:${'0'.repeat(64)} https://example.org/a https://example.org/b /`,
      'ADD --checksum=xyz https://example.org/a.git /',
      'ADD https://example.org/a.git?foo=1 /',
      'ADD https://example.org/a.git#--upload-pack=x /',
      'ADD --keep-git-dir=false https://example.org/a.git?keep-git-dir=1 /',
      'COPY <<a/b /n/\nx\na/b',
      'COPY <<.. /n/\nx\n..',
      'COPY https://example.org/a /',
      'ENV =b',
      'ENV A=${B:?needed}',
      'ENV A="b',
      'ARG =b',
      'USER',
      'EXPOSE 80/icmp',
      'EXPOSE 99999',
      'EXPOSE 90-80',
      'STOPSIGNAL nope',
      'SHELL bash',
      'HEALTHCHECK TRY x',
      'HEALTHCHECK --interval=1 CMD x',
      'HEALTHCHECK --retries=-1 CMD x',
      'HEALTHCHECK NONE x',
      'VOLUME [""]',
      'FROM',
      'FROM a b',
      'FROM a AS 1a',
      'FROM $NOPE',
      'FROM --platform=nonsense a',
    ],
  };
  for (const [code, instructions] of Object.entries(cases)) {
    for (const instruction of instructions) {
      test(`${code}: ${instruction.split('\n')[0]}`, async () => {
        await assert.rejects(plan(`FROM a AS self\n${instruction}`), (error) => {
          assert.ok(isFailure(error), String(error));
          assert.equal(error.code, code);
          assert.match(error.message, /"Dockerfile:2"/);
          assert.match(error.excerpt ?? '', />>> /);
          return true;
        });
      });
    }
  }

  test('what is switched off is no refusal', async () => {
    assert.equal((await created('FROM a\nCOPY --link=false --parents=false a b')).length, 1);
  });

  test('a foreign syntax is refused', async () => {
    await assert.rejects(plan('# syntax=example.org/other:1\nFROM a'), { code: 'UNSUPPORTED' });
    assert.equal((await created('# syntax=docker/dockerfile:1.7-labs\nFROM a')).length, 0);
  });
});

describe('a hostile Dockerfile', () => {
  const refused: Readonly<Record<string, string>> = {
    'variables that multiply': `FROM a\nENV a=0123456789\n${'ENV a=$a$a$a$a\n'.repeat(40)}`,
    'a big word over and over': `FROM a\nENV a=${'x'.repeat(100_000)}\nCOPY ${'$a '.repeat(5000)} /`,
    'patterns over and over':
      `FROM a\nENV a=${'x'.repeat(50_000)} b=${'${a//*x*x*y/z}'.repeat(10_000)}`.replace(' b=', '\nENV b='),
    'ports without end': `FROM a\n${'EXPOSE 0-65535 0-65535/udp\n'.repeat(500)}`,
    'a history without end': `FROM a\nARG a=${'x'.repeat(100_000)}\n${'RUN x\n'.repeat(1000)}`,
    'too many stages': 'FROM a\n'.repeat(501),
  };
  for (const [name, dockerfile] of Object.entries(refused)) {
    test(name, async () => {
      const started = cpuTime();
      await assert.rejects(plan(dockerfile), { code: 'LIMIT' });
      assert.ok(cpuTime() - started < 5000);
    });
  }

  test('never brings forth anything but our own failures', async () => {
    const line = fc.constantFrom(
      ...[
        'FROM a',
        'FROM scratch AS x',
        'FROM x',
        'FROM $A',
        'ARG A',
        'ARG A=b',
        'ENV __proto__=1',
        'LABEL __proto__=a',
      ],
      ...[
        'RUN x',
        'RUN []',
        'COPY --from=x a b',
        'COPY --from=0 a b',
        'ADD $A /',
        'WORKDIR $A',
        'WORKDIR //',
        'EXPOSE $A',
      ],
      ...[
        'CMD',
        'CMD [',
        'ENTRYPOINT',
        'USER $A',
        'VOLUME []',
        'STOPSIGNAL 9',
        'SHELL ["x"]',
        'HEALTHCHECK CMD x',
      ],
      ...['ENV A=${A:-$A}', 'ENV A=${A', 'ENV A b', 'ARG __proto__', 'COPY --x a b', 'ONBUILD RUN x', 'NOPE'],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
        try {
          await plan(['FROM a', ...lines].join('\n'), { platforms: [amd64, arm64] });
        } catch (error) {
          assert.ok(isFailure(error), String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
