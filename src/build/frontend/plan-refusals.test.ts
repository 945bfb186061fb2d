// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the words of a Dockerfile look like this
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cpuTime } from '../../../test/fixtures/cpu-time.ts';
import { amd64, arm64, created, plan } from '../../../test/fixtures/plan.ts';
import { isFailure } from '../../lib/errors.ts';

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
      { numRuns: 200 },
    );
  });
});
