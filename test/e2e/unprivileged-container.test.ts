import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { type EmbeddedRegistry, startRegistry } from '../../scripts/embedded-registry.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import type { DoctorReport } from '../../src/app/doctor/doctor.ts';
import type { Index } from '../../src/oci/manifest.ts';
import { formatPlatform, hostPlatform } from '../../src/oci/platform.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { DockerDaemon } from '../fixtures/docker-daemon.ts';
import { polyarch } from '../fixtures/run-program.ts';

const dockerfile = `
ARG BASE
FROM \${BASE} AS build
RUN mkdir /out && uname -m > /out/machine && chown 33:100 /out/machine && ln /out/machine /out/same
USER www-data
RUN id -u > /tmp/me && id -G >> /tmp/me
FROM \${BASE}
COPY --from=build /out /tmp/me /srv/
RUN rm -r /home /etc/os-release && mkdir /home && touch /home/new && echo more >> /etc/passwd
RUN cat /srv/machine && grep more /etc/passwd && ls -A /home && (sleep 1234 & true)
`;

/** What shuts files and directories to their owner, who is all that an ordinary user can be there. */
const shut = `
ARG BASE
FROM \${BASE} AS build
RUN echo old > /etc/shadow && chmod 0 /etc/shadow && mkdir -m 0555 /ro && mkdir /shut && echo x > /shut/f && chmod 0 /shut/f /shut && chmod 0555 /
COPY Dockerfile /ro/here
RUN cat /ro/here && echo new >> /etc/shadow && rm /ro/here && touch /ro/made
FROM \${BASE}
COPY --from=build /etc/shadow /ro /shut /to/
RUN cat /to/shadow /to/f && ls /to
`;

/** Where kaniko is run: root with Docker's default capabilities, seccomp profile and masks; no mount(2), no unshare(2), nothing registered. */
const missing =
  (process.getuid?.() !== 0 && 'needs root, to start dockerd') ||
  withoutPrograms('dockerd', 'proot', 'qemu-aarch64-static', 'qemu-x86_64-static');

describe('in an unprivileged container', { skip: missing, timeout: 900_000 }, () => {
  let scratch: string;
  let daemon: DockerDaemon;
  let registry: EmbeddedRegistry;
  let base: string;
  before(async () => {
    scratch = mkdtempSync('/var/tmp/polyarch-container-');
    registry = await startRegistry(join(scratch, 'registry'));
    base = `${registry.host}/base:1`;
    await makeBaseImage(join(scratch, 'base'), { platforms: ['linux/amd64', 'linux/arm64'] }).push(base);
    mkdirSync(join(scratch, 'context'));
    writeFileSync(join(scratch, 'context/Dockerfile'), dockerfile);
    writeFileSync(join(scratch, 'context/shut'), shut);
    mkdirSync(join(scratch, 'docker'));
    daemon = await DockerDaemon.start(join(scratch, 'docker'));
    await daemon.makeImage('machine:1');
  });
  after(async () => {
    await daemon?.stop();
    await registry?.stop();
    removeTree(scratch);
  });

  const build = (...args: string[]) => buildAs([], ...args);

  const buildAs = (options: readonly string[], ...args: string[]) =>
    daemon.run(
      'machine:1',
      [
        '/checkout/polyarch',
        'build',
        '--progress',
        'plain',
        '--build-arg',
        `BASE=${base}`,
        ...args,
        '/context',
      ],
      [
        ...['--volume', `${scratch}/context:/context:ro`, '--env', 'POLYARCH_HOME=/var/lib/polyarch'],
        ...options,
      ],
    );

  test('builds and pushes for this and another architecture', async () => {
    const name = `${registry.host}/out:1`;
    const { code, stderr } = await build('--platform', 'linux/amd64,linux/arm64', '--push', '--tag', name);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /warning: sandbox oci does not work here: .*not permitted/);
    assert.match(stderr, /warning: linux\/(arm64|amd64) is emulated/);
    const { stdout } = await polyarch(['inspect', '--raw', name]);
    const { manifests } = JSON.parse(stdout) as Index;
    assert.deepEqual(
      manifests.map(({ platform }) => platform && formatPlatform(platform)),
      ['linux/amd64', 'linux/arm64'],
    );
    const env = { ...process.env, POLYARCH_HOME: join(scratch, 'home') };
    const script =
      'cat /srv/machine /srv/me; stat -c "%u %g %h" /srv/same; ls -A /home; ls /etc/os-release; tail -1 /etc/passwd';
    const seen = await polyarch(['run', '--platform', 'linux/arm64', name, 'sh', '-c', script], { env });
    assert.equal(seen.stdout, 'aarch64\n33\n33\n33 100 2\nnew\nmore\n');
  });

  test('an ordinary user builds there, too, whatever modes shut', async () => {
    const name = `${registry.host}/shut:1`;
    const user = ['--user', '1234:1234', '--env', 'POLYARCH_HOME=/tmp/polyarch'];
    const { code, stderr } = await buildAs(user, '--file', '/context/shut', '--push', '--tag', name);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /owners are lost/);
    assert.match(stderr, /^#\d+ \S+ old\n#\d+ \S+ new\n#\d+ \S+ x\n#\d+ \S+ f\n/m);
  });

  test('doctor says so', async () => {
    const { code, stdout, stderr } = await daemon.run('machine:1', [
      '/checkout/polyarch',
      'doctor',
      '--format',
      'json',
    ]);
    assert.equal(code, 0, stderr);
    const report = JSON.parse(stdout) as DoctorReport;
    assert.equal(report.chosen, 'proot');
    assert.deepEqual(
      report.tiers.map(({ tier, works, onlyWhenNamed = false }) => ({ tier, works, onlyWhenNamed })),
      [
        { tier: 'oci', works: false, onlyWhenNamed: false },
        { tier: 'chroot', works: true, onlyWhenNamed: true },
        { tier: 'proot', works: true, onlyWhenNamed: false },
      ],
    );
    const oci = report.tiers.find(({ tier }) => tier === 'oci');
    assert.match(`${oci?.reason} ${oci?.hint}`, /not permitted.*--privileged/);
    const foreign = process.arch === 'arm64' ? 'linux/amd64' : 'linux/arm64';
    assert.equal(report.platforms.find(({ platform }) => platform === foreign)?.how, 'proot -q');
  });

  test('chroot(2) alone builds the same, where it is asked for', async () => {
    const platform = formatPlatform(hostPlatform());
    const filesOf = async (sandbox: string): Promise<string> => {
      const name = `${registry.host}/${sandbox}:1`;
      const more = ['--platform', platform, '--sandbox', sandbox, '--push', '--tag', name];
      const { code, stderr } = await build(...more);
      assert.equal(code, 0, stderr);
      const files = await polyarch(['inspect', '--files', '--format', 'json', name]);
      return files.stdout.replace(/"mtime":"[^"]*",/g, '');
    };
    const [chroot, proot] = await Promise.all(['chroot', 'proot'].map(filesOf));
    assert.equal(chroot, proot);
  });

  test('refuses emulation where that is ruled out, and says what does not work', async () => {
    const foreign = process.arch === 'arm64' ? 'linux/amd64' : 'linux/arm64';
    const refused = await build('--platform', foreign, '--no-emulation');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Cannot run steps for .*emulated/);
    const oci = await build('--sandbox', 'oci');
    assert.equal(oci.code, 1);
    assert.match(oci.stderr, /Operation not permitted/);
    const alone = await build('--network', 'none');
    assert.equal(alone.code, 2);
    assert.match(alone.stderr, /no network/);
  });
});
