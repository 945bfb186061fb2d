import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { contentFromBytes } from '../../src/content/content.ts';
import { LayoutStore } from '../../src/content/layout/layout-store.ts';
import { sampleImage } from '../../src/content/store.suite.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { certificateAuthority } from '../fixtures/certificates.ts';
import { type DockerRegistry, startDockerRegistry } from '../fixtures/docker-registry.ts';
import { type Ended, polyarchProgram, runProgram, succeed } from '../fixtures/run-program.ts';
import { startTokenService } from '../fixtures/token-service.ts';

/** The commands as a user types them, against docker-registry behind htpasswd and TLS, and behind a token service and TLS. */
describe('registries with accounts', {
  skip: withoutPrograms('docker-registry', 'openssl', 'skopeo'),
}, () => {
  let directory = '';
  let basic: DockerRegistry;
  let token: DockerRegistry;
  let authority: string;
  let trusted: NodeJS.ProcessEnv;
  const closing: { close(): Promise<void> }[] = [];
  const password = (text: string) => join(directory, `password-${text}`);
  /** A user who trusts the authority and has logged in nowhere; `config` is where Docker's configuration is. */
  const somebody = async (): Promise<{ env: NodeJS.ProcessEnv; config: string }> => {
    const config = await mkdtemp(join(directory, 'docker-'));
    return { env: { ...trusted, DOCKER_CONFIG: config, POLYARCH_HOME: join(config, 'home') }, config };
  };
  const run = (env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> =>
    runProgram([polyarchProgram, ...args], { env });
  const done = (env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> =>
    succeed([polyarchProgram, ...args], { env });
  const logIn = (env: NodeJS.ProcessEnv, host: string, text = 's3cret', ...args: string[]): Promise<Ended> =>
    runProgram([polyarchProgram, 'login', '--username', 'me', '--password-stdin', ...args, host], {
      env,
      stdin: password(text),
    });
  const image = (): string => `oci:${directory}/image:1`;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'polyarch-accounts-'));
    const root = await certificateAuthority();
    authority = root.certificate;
    const tls = await root.issue('registry', ['127.0.0.1']);
    const service = await startTokenService(await root.issue('tokens'), 'polyarch test');
    closing.push(service);
    basic = await startDockerRegistry({ tls, basic: true });
    closing.push(basic);
    const tokens = { realm: service.realm, service: 'registry', issuer: 'polyarch test', roots: authority };
    token = await startDockerRegistry({ tls, token: tokens });
    closing.push(token);
    for (const { host } of [basic, token]) {
      const certificates = join(directory, 'config/containers/certs.d', host);
      await mkdir(certificates, { recursive: true });
      await writeFile(join(certificates, 'ca.crt'), authority);
    }
    trusted = { ...process.env, XDG_CONFIG_HOME: join(directory, 'config') };
    for (const name of ['REGISTRY_AUTH_FILE', 'XDG_RUNTIME_DIR', 'DOCKER_HOST']) delete trusted[name];
    for (const text of ['s3cret', 'wrong']) await writeFile(password(text), `${text}\n`);
    const store = await LayoutStore.open(join(directory, 'image'), { create: true });
    const { descriptors, ...bytes } = sampleImage('accounts');
    for (const name of ['config', 'layer', 'manifest'] as const)
      await store.push(descriptors[name], contentFromBytes(bytes[name]));
    await store.tag(descriptors.manifest, '1');
  });
  after(async () => {
    for (const started of closing) await started.close();
    await rm(directory, { recursive: true, force: true });
  });

  test('login shows the password first, then copy goes from one to the other; after logout no more', async () => {
    const { env, config } = await somebody();
    for (const { host } of [basic, token]) {
      const wrong = await logIn(env, host, 'wrong');
      assert.equal(wrong.code, 3, wrong.stderr);
      assert.doesNotMatch(wrong.stderr, /wrong\b.*s3cret|bWU6/);
      await assert.rejects(readFile(join(config, 'config.json')), { code: 'ENOENT' });
    }
    const refused = await run(env, 'copy', image(), `${basic.host}/a:1`);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, new RegExp(`hint: .*polyarch login ${basic.host}`));
    for (const { host } of [basic, token]) {
      const { code, stdout, stderr } = await logIn(env, host);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`logged in to ${host} as me`));
    }
    await done(env, 'copy', image(), `${basic.host}/a:1`);
    await done(env, 'copy', `${basic.host}/a:1`, `${token.host}/b:1`, `${token.host}/b:2`);
    await done(env, 'copy', `${token.host}/b:2`, `${basic.host}/c:1`);
    const raw = await done(env, 'inspect', '--raw', `${basic.host}/c:1`);
    // skopeo, with what our login kept.
    const authfile = join(config, 'config.json');
    for (const name of [`${basic.host}/a:1`, `${token.host}/b:1`]) {
      const options = [
        '--authfile',
        authfile,
        '--cert-dir',
        join(directory, 'config/containers/certs.d', basic.host),
      ];
      const theirs = await succeed(['skopeo', 'inspect', '--raw', ...options, `docker://${name}`]);
      assert.equal(theirs.stdout, raw.stdout);
    }
    await done(env, 'logout', basic.host);
    assert.equal((await run(env, 'inspect', '--raw', `${basic.host}/c:1`)).code, 3);
    await done(env, 'inspect', '--raw', `${token.host}/b:1`);
  });

  test('a helper keeps what login was given, and gives it to copy', async () => {
    const { env, config } = await somebody();
    const helper = join(config, 'docker-credential-kept');
    // The protocol of docker-credential-helpers: a verb, and JSON or a server's name on standard input.
    const script = `#!/bin/sh
file="${config}/kept-$(printf %s "${basic.host}" | tr : -)"
case $1 in
store) cat > "$file" ;;
get) read server; if [ -e "$file" ]; then cat "$file"; else echo "credentials not found in native keychain"; exit 1; fi ;;
erase) rm -f "$file" ;;
esac
`;
    await writeFile(helper, script);
    await chmod(helper, 0o755);
    await writeFile(join(config, 'config.json'), JSON.stringify({ credHelpers: { [basic.host]: 'kept' } }));
    const own = { ...env, PATH: `${config}:${env.PATH}` };
    const { code, stdout, stderr } = await logIn(own, basic.host);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /with docker-credential-kept/);
    assert.doesNotMatch(await readFile(join(config, 'config.json'), 'utf8'), /auth"|s3cret/);
    await done(own, 'copy', image(), `${basic.host}/helped:1`);
    await done(own, 'logout', basic.host);
    assert.equal((await run(own, 'copy', image(), `${basic.host}/helped:2`)).code, 3);
  });

  test('options say it for one command: credentials, any certificate, a directory of certificates', async () => {
    const { env, config } = await somebody();
    const bare = { ...env, XDG_CONFIG_HOME: config };
    const unknown = await run(bare, 'copy', '--dest-creds', 'me:s3cret', image(), `${basic.host}/o:1`);
    assert.equal(unknown.code, 5);
    assert.match(unknown.stderr, /certificate is not trusted/);
    await done(
      bare,
      'copy',
      '--dest-creds',
      'me:s3cret',
      '--dest-tls-verify=false',
      image(),
      `${basic.host}/o:1`,
    );
    const certificates = join(directory, 'config/containers/certs.d', basic.host);
    const both = ['--src-creds', 'me:s3cret', '--dest-creds', 'me:s3cret', '--cert-dir', certificates];
    await done(bare, 'copy', ...both, `${basic.host}/o:1`, `${token.host}/o:1`);
    const wrong = await run(
      bare,
      'copy',
      '--src-creds',
      'me:other',
      '--src-cert-dir',
      certificates,
      `${basic.host}/o:1`,
      image(),
    );
    assert.equal(wrong.code, 3);
    // The same in skopeo's words.
    const shim = [
      'shim',
      'skopeo',
      'copy',
      '--src-creds=me:s3cret',
      '--src-tls-verify=false',
      '--dest-creds=me:s3cret',
    ];
    await done(
      bare,
      ...shim,
      '--dest-cert-dir',
      certificates,
      `docker://${basic.host}/o:1`,
      `docker://${token.host}/o:2`,
    );
    const kept = join(config, 'elsewhere.json');
    assert.equal((await logIn(bare, token.host, 's3cret', '--authfile', kept, '--tls-verify=false')).code, 0);
    await done(bare, 'tags', 'ls', '--authfile', kept, '--tls-verify=false', `${token.host}/o`);
  });

  test('a sync takes them from skopeo’s list, each registry its own', async () => {
    const { env, config } = await somebody();
    const bare = { ...env, XDG_CONFIG_HOME: config };
    const names = [basic, token].flatMap(({ host }) =>
      ['1.0.0', '1.1.0', 'edge'].map((tag) => `${host}/listed:${tag}`),
    );
    await done(env, 'copy', '--dest-creds', 'me:s3cret', image(), ...names);
    const list = join(config, 'list.yml');
    await writeFile(
      list,
      `${basic.host}:
  images:
    listed: ["edge"]
  credentials: { username: me, password: s3cret }
  tls-verify: false
${token.host}:
  images-by-semver:
    listed: ">= 1.0.0"
  credentials: { username: me, password: s3cret }
  cert-dir: ${directory}/config/containers/certs.d/${token.host}
`,
    );
    const args = ['sync', '--src', 'yaml', '--dest', 'docker', '--dest-creds', 'me:s3cret'];
    const target = ['--dest-tls-verify=false', list, `${token.host}/mirror`];
    const first = await done(bare, ...args, ...target);
    assert.match(first.stdout, /^3 copied, 0 unchanged, 0 failed/);
    const second = await done(bare, ...args, ...target);
    assert.match(second.stdout, /^0 copied, 3 unchanged, 0 failed; 0 contents/);
    const from = [
      'sync',
      '--src',
      'docker',
      '--dest',
      'oci',
      '--src-creds',
      'me:s3cret',
      '--src-tls-verify=false',
    ];
    await done(bare, ...from, `${token.host}/listed`, join(config, 'layouts'));
    const text = (await readFile(list, 'utf8')).replace('password: s3cret', 'password: nonsense');
    await writeFile(list, text);
    const half = await run(
      bare,
      'sync',
      '--src',
      'yaml',
      '--dest',
      'oci',
      '--keep-going',
      list,
      join(config, 'half'),
    );
    assert.equal(half.code, 3);
    assert.match(half.stdout, /^2 copied, 0 unchanged, 1 failed/);
    assert.doesNotMatch(half.stdout + half.stderr, /nonsense/);
  });
});
