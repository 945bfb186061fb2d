import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { contentFromBytes } from '../../src/content/content.ts';
import { collect } from '../../src/content/read-manifest.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { isFailure } from '../../src/lib/errors.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { anonymous, type Credential } from '../../src/registry/client/auth/credential.ts';
import type { RegistryEvent } from '../../src/registry/client/events.ts';
import { RegistryClient, type RegistryClientOptions } from '../../src/registry/client/registry-client.ts';
import { type Authority, certificateAuthority } from '../fixtures/certificates.ts';
import {
  type DockerRegistry,
  skipWithoutDockerRegistry as skip,
  startDockerRegistry,
} from '../fixtures/docker-registry.ts';
import { type ForwardProxy, startForwardProxy } from '../fixtures/forward-proxy.ts';
import { startTokenService, type TokenService } from '../fixtures/token-service.ts';

const me: Credential = { username: 'me', password: 's3cret' };
const bytes = Buffer.alloc(200_000, 'polyarch');
const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };
const open: RegistryClient[] = [];

/** A client that knows nothing of this machine's own configuration. */
function clientOf(options: RegistryClientOptions = {}): RegistryClient {
  const client = new RegistryClient({ credentials: anonymous, env: {}, pace: 0.01, ...options });
  open.push(client);
  return client;
}

/** A blob there and back. */
async function roundTrip(client: RegistryClient, host: string, repository = 'round/trip'): Promise<void> {
  const store = client.repository(host, repository);
  await store.push(blob, contentFromBytes(bytes));
  assert.ok(bytes.equals(await collect(await store.fetch(blob))));
}

const as = (credential: Credential) => ({ credentials: async () => credential });

describe('registries that want to know who asks, behind TLS and proxies', { skip }, () => {
  let directory = '';
  let authority: Authority;
  let clientCerts = '';
  let basic: DockerRegistry;
  let mutual: DockerRegistry;
  let plain: DockerRegistry;
  const closing: { close(): Promise<void> }[] = [];
  const kept = <T extends { close(): Promise<void> }>(started: T): T => {
    closing.push(started);
    return started;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'polyarch-access-'));
    authority = await certificateAuthority();
    const tls = await authority.issue('registry', ['127.0.0.1', 'registry.test']);
    const clients = await certificateAuthority('Clients');
    const client = await clients.issue('me');
    clientCerts = join(directory, 'mutual');
    await mkdir(clientCerts);
    await writeFile(join(clientCerts, 'ca.crt'), authority.certificate);
    await writeFile(join(clientCerts, 'client.cert'), client.certificate);
    await writeFile(join(clientCerts, 'client.key'), client.key);
    basic = kept(await startDockerRegistry({ tls, basic: true }));
    mutual = kept(await startDockerRegistry({ tls, clientAuthority: clients.certificate }));
    plain = kept(await startDockerRegistry());
  });
  after(async () => {
    for (const client of open) client.close();
    for (const started of closing) await started.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** `$XDG_CONFIG_HOME` with a certs.d directory for `host`. */
  const configured = async (host: string): Promise<NodeJS.ProcessEnv> => {
    const config = await mkdtemp(join(directory, 'config-'));
    await mkdir(join(config, 'containers/certs.d', host), { recursive: true });
    await writeFile(join(config, 'containers/certs.d', host, 'ca.crt'), authority.certificate);
    return { XDG_CONFIG_HOME: config };
  };

  test('an authority in certs.d is trusted, and without it the certificate is not', async () => {
    await roundTrip(clientOf({ env: await configured(basic.host), ...as(me) }), basic.host);
    const failed = clientOf(as(me)).repository(basic.host, 'a/b').exists(blob);
    await assert.rejects(failed, (error) => {
      assert.ok(isFailure(error, 'NETWORK'));
      assert.match(error.message, /TLS certificate is not trusted/);
      assert.match(error.hint ?? '', /certs\.d/);
      return true;
    });
  });

  test('TLS on this machine is found by itself; --tls-verify=false takes any certificate', async () => {
    await roundTrip(clientOf({ tlsVerify: false, ...as(me) }), basic.host);
    await roundTrip(
      clientOf({ env: { SSL_CERT_FILE: await caFile(directory, authority) }, ...as(me) }),
      basic.host,
    );
    await assert.rejects(clientOf({ tlsVerify: true }).repository(plain.host, 'a/b').exists(blob), {
      code: 'NETWORK',
      message: /does not speak TLS/,
    });
  });

  test('a client’s certificate is shown where it is wanted', async () => {
    await roundTrip(clientOf({ certificateDirectory: clientCerts }), mutual.host);
    const failed = clientOf({ env: await configured(mutual.host) })
      .repository(mutual.host, 'a/b')
      .exists(blob);
    await assert.rejects(failed, { code: 'NETWORK', hint: /\.cert and .*\.key/ });
  });

  test('directories that are half or missing are refused', async () => {
    const half = await mkdtemp(join(directory, 'half-'));
    await writeFile(join(half, 'me.cert'), 'x');
    for (const certificateDirectory of [half, join(directory, 'none')]) {
      const client = clientOf({ certificateDirectory });
      await assert.rejects(client.repository(mutual.host, 'a/b').exists(blob), { code: 'USAGE' });
    }
  });

  test('Basic: the wrong password is refused, none is told to log in', async () => {
    const options = { tlsVerify: false };
    const wrong = clientOf({ ...options, ...as({ username: 'me', password: 'no' }) });
    await assert.rejects(wrong.checkAccess(basic.host), { code: 'UNAUTHORIZED' });
    await assert.rejects(clientOf(options).checkAccess(basic.host), { code: 'UNAUTHORIZED', hint: /login/ });
    await clientOf({ ...options, ...as(me) }).checkAccess(basic.host);
  });

  describe('through a proxy', () => {
    let proxy: ForwardProxy;
    before(async () => {
      const routes = {
        'registry.test:443': basic.port,
        'plain.test:80': plain.port,
        'plain.test:443': plain.port,
      };
      proxy = kept(await startForwardProxy({ routes, credentials: 'u:p%40' }));
    });

    test('CONNECT with the proxy’s password; the certificate is checked against the registry’s name', async () => {
      const env = { ...(await configured('registry.test')), https_proxy: `http://u:p%2540@${proxy.host}` };
      await roundTrip(clientOf({ env, ...as(me) }), 'registry.test');
      assert.ok(proxy.seen.includes('CONNECT registry.test:443'));
      await assert.rejects(
        clientOf({ env, ...as(me) })
          .repository('other.test', 'a/b')
          .exists(blob),
        {
          code: 'NETWORK',
          message: /proxy refused to open a way there \(403\)/,
        },
      );
      const wrong = { ...env, https_proxy: `http://u:wr0ng@${proxy.host}` };
      await assert.rejects(
        clientOf({ env: wrong }).repository('registry.test', 'a/b').exists(blob),
        (error) => {
          assert.ok(isFailure(error, 'NETWORK'));
          assert.match(error.message, /407/);
          assert.doesNotMatch(JSON.stringify([error.message, error.hint, String(error.cause)]), /wr0ng/);
          return true;
        },
      );
    });

    test('plain HTTP elsewhere only when it is asked for, and without credentials', async () => {
      const address = `http://u:p%2540@${proxy.host}`;
      const env = { HTTPS_PROXY: address, HTTP_PROXY: address };
      await assert.rejects(clientOf({ env }).repository('plain.test', 'a/b').exists(blob), {
        code: 'NETWORK',
      });
      await roundTrip(clientOf({ env, tlsVerify: false }), 'plain.test');
      assert.ok(proxy.seen.some((line) => line.startsWith('GET http://plain.test/')));
    });
  });

  describe('tokens', () => {
    let service: TokenService;
    let registry: DockerRegistry;
    before(async () => {
      const signer = await authority.issue('tokens');
      service = kept(await startTokenService(signer, 'polyarch test'));
      const token = {
        realm: service.realm,
        service: 'registry',
        issuer: 'polyarch test',
        roots: authority.certificate,
      };
      registry = kept(await startDockerRegistry({ token }));
    });

    test('one token for one scope, also for requests side by side; a mount asks for both repositories', async () => {
      service.requests.length = 0;
      const client = clientOf(as(me));
      await roundTrip(client, registry.host, 'token/a');
      await Promise.all([1, 2, 3].map(() => client.repository(registry.host, 'token/a').exists(blob)));
      const scopes = service.requests.map((request) => request.scopes.join(' '));
      assert.deepEqual(scopes, ['repository:token/a:pull', 'repository:token/a:pull,push']);
      assert.equal(await client.repository(registry.host, 'token/b').mount(blob, 'token/a'), true);
      assert.deepEqual(service.requests.at(-1)?.scopes, [
        'repository:token/b:pull,push',
        'repository:token/a:pull',
      ]);
    });

    test('who has no credentials gets a token for pulling, and is told when it does not suffice', async () => {
      const store = clientOf().repository(registry.host, 'token/a');
      assert.equal(await store.exists(blob), true);
      await assert.rejects(store.push({ ...blob, digest: digestOf('x'), size: 1 }, contentFromBytes('x')), {
        code: 'UNAUTHORIZED',
        hint: /login/,
      });
    });

    test('an identity token goes to the service as an OAuth2 refresh token', async () => {
      service.requests.length = 0;
      await roundTrip(clientOf(as({ identityToken: 'r3fresh' })), registry.host, 'token/c');
      assert.deepEqual(new Set(service.requests.map(({ method }) => method)), new Set(['POST']));
      assert.equal(service.requests[0]?.parameters.get('grant_type'), 'refresh_token');
      await assert.rejects(clientOf(as({ identityToken: 'old' })).checkAccess(registry.host), {
        code: 'UNAUTHORIZED',
      });
    });

    test('a token is used until it expires, then another is asked for', async () => {
      service.requests.length = 0;
      service.lifetime = 1;
      try {
        const store = clientOf(as(me)).repository(registry.host, 'token/a');
        await store.exists(blob);
        await new Promise((resolve) => setTimeout(resolve, 1100));
        await store.exists(blob);
        assert.equal(service.requests.length, 2);
      } finally {
        service.lifetime = 300;
      }
    });

    test('a helper that does not work is a warning, and one is anonymous', async () => {
      const config = await mkdtemp(join(directory, 'docker-'));
      await writeFile(join(config, 'config.json'), '{"credsStore":"missing-one"}');
      const events: RegistryEvent[] = [];
      const env = { DOCKER_CONFIG: config, PATH: '/nonexistent' };
      const client = new RegistryClient({ env, onEvent: (event) => events.push(event) });
      open.push(client);
      assert.equal(await client.repository(registry.host, 'token/a').exists(blob), true);
      const [warning] = events.filter((event) => event.type === 'registry-warning');
      assert.match(warning?.message ?? '', /docker-credential-missing-one.*not installed/);
    });
  });
});

async function caFile(directory: string, authority: Authority): Promise<string> {
  const path = join(directory, 'system.crt');
  await writeFile(path, authority.certificate);
  return path;
}
