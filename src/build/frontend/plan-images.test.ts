// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the words of a Dockerfile look like this
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  arm64,
  configOf,
  created,
  lastCopy,
  lastRun,
  nodesOf,
  plan,
  registry,
} from '../../../test/fixtures/plan.ts';
import type { ContainerConfig } from '../../oci/manifest.ts';
import { parsePlatform } from '../../oci/platform.ts';

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
