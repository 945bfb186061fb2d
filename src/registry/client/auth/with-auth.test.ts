import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Exchange,
  type ScriptedServer,
  scriptedServer,
} from '../../../../test/fixtures/scripted-server.ts';
import { collect } from '../../../content/read-manifest.ts';
import { digestOf } from '../../../lib/digest.ts';
import { RegistryClient } from '../registry-client.ts';
import type { RegistryStore } from '../registry-store.ts';
import { anonymous, basicAuthorization, type CredentialSource } from './credential.ts';

const blob = { mediaType: 'application/octet-stream', digest: digestOf('x'), size: 1 };
const me: CredentialSource = async () => ({ username: 'me', password: 'secret' });
const basic = basicAuthorization('me', 'secret');

async function withServer(
  script: (exchange: Exchange, host: string) => void | Promise<void>,
  credentials: CredentialSource,
  work: (store: RegistryStore, server: ScriptedServer) => Promise<void>,
): Promise<void> {
  const server = await scriptedServer((exchange) => script(exchange, server.host));
  const client = new RegistryClient({ credentials, pace: 0.001 });
  try {
    await work(client.repository(server.host, 'a/b'), server);
  } finally {
    client.close();
    await server.close();
  }
}

/** A registry with a token service at /token; `valid` says which tokens it takes. */
function tokenRegistry(
  valid: (token: string) => boolean,
  answerToken: (count: number) => Record<string, unknown>,
) {
  return ({ seen, answer, count }: Exchange, host: string): void => {
    if (seen.url.startsWith('/token')) {
      answer(200, {}, JSON.stringify(answerToken(count)));
      return;
    }
    const token = /^Bearer (.+)$/.exec(seen.headers.authorization ?? '')?.[1];
    if (token !== undefined && valid(token)) answer(200, {}, 'x');
    else answer(401, { 'www-authenticate': `Bearer realm="http://${host}/token",service="reg"` });
  };
}

const tokensAsked = (server: ScriptedServer) => server.seen.filter(({ url }) => url.startsWith('/token'));

describe('bearer', () => {
  test('a 401 leads to a token, which serves until it expires', async () => {
    const script = tokenRegistry(
      (token) => token === 't1',
      () => ({ token: 't1', expires_in: 300 }),
    );
    await withServer(script, me, async (store, server) => {
      assert.equal(await store.exists(blob), true);
      assert.equal(await store.exists(blob), true);
      await collect(await store.fetch(blob));
      const asked = tokensAsked(server);
      assert.equal(asked.length, 1);
      const query = new URL(asked[0]?.url ?? '', 'http://h').searchParams;
      assert.equal(query.get('scope'), 'repository:a/b:pull');
      assert.equal(query.get('service'), 'reg');
      assert.equal(asked[0]?.headers.authorization, basic);
    });
  });

  test('many requests at once ask for one token', async () => {
    const script = tokenRegistry(
      () => true,
      () => ({ access_token: 't' }),
    );
    await withServer(script, anonymous, async (store, server) => {
      await store.exists(blob);
      await Promise.all(Array.from({ length: 8 }, () => store.exists(blob)));
      assert.equal(tokensAsked(server).length, 1);
      assert.equal(tokensAsked(server)[0]?.headers.authorization, undefined);
    });
  });

  test('a token that died on the way is replaced; a second refusal is the answer', async () => {
    let dead = '';
    const script = tokenRegistry(
      (token) => token !== dead,
      (count) => ({ token: `t${count}`, expires_in: 300 }),
    );
    await withServer(script, me, async (store, server) => {
      await store.exists(blob);
      dead = 't1';
      assert.equal(await store.exists(blob), true);
      assert.equal(tokensAsked(server).length, 2);
    });
    const never = tokenRegistry(
      () => false,
      () => ({ token: 't' }),
    );
    await withServer(never, me, async (store, server) => {
      await assert.rejects(store.exists(blob), {
        code: 'UNAUTHORIZED',
        hint: `polyarch login ${server.host}`,
      });
      assert.ok(server.seen.length <= 4);
    });
  });

  test('an identity token is exchanged by POST, or as the password of "<token>"', async () => {
    const identity: CredentialSource = async () => ({ identityToken: 'refresh+me' });
    for (const posts of [true, false]) {
      const script = async ({ seen, answer, body }: Exchange, host: string): Promise<void> => {
        if (seen.url.startsWith('/token')) {
          const form = new URLSearchParams((await body()).toString());
          const known =
            seen.method === 'POST'
              ? posts &&
                form.get('refresh_token') === 'refresh+me' &&
                form.get('grant_type') === 'refresh_token'
              : seen.headers.authorization === basicAuthorization('<token>', 'refresh+me');
          answer(known ? 200 : 405, {}, JSON.stringify({ access_token: 'ok' }));
        } else if (seen.headers.authorization === 'Bearer ok') answer(200);
        else answer(401, { 'www-authenticate': `Bearer realm="http://${host}/token"` });
      };
      await withServer(script, identity, async (store) => assert.equal(await store.exists(blob), true));
    }
  });

  test('a realm that is not encrypted, no URL, or gives no token is refused', async () => {
    for (const realm of ['http://example.com/token', 'file:///etc/passwd', 'nonsense']) {
      const script = ({ answer }: Exchange) => answer(401, { 'www-authenticate': `Bearer realm="${realm}"` });
      await withServer(script, me, async (store) => {
        await assert.rejects(store.exists(blob), { code: 'UNAUTHORIZED' }, realm);
      });
    }
    for (const document of [{}, { token: 5 }, { token: 'two words' }]) {
      const script = tokenRegistry(
        () => true,
        () => document,
      );
      await withServer(script, me, async (store) => {
        await assert.rejects(store.exists(blob), { code: 'REGISTRY' });
      });
    }
  });
});

describe('basic', () => {
  test('a password is sent when it is asked for, and not again when it was refused', async () => {
    const script = ({ seen, answer }: Exchange) => {
      if (seen.headers.authorization === basic) answer(200);
      else answer(401, { 'www-authenticate': 'Basic realm="r"' });
    };
    await withServer(script, me, async (store, server) => {
      assert.equal(await store.exists(blob), true);
      assert.equal(await store.exists(blob), true);
      assert.equal(server.seen.length, 3);
    });
    const wrong: CredentialSource = async () => ({ username: 'me', password: 'guess' });
    await withServer(script, wrong, async (store, server) => {
      await assert.rejects(store.exists(blob), (error: Error) => {
        assert.equal(error.message.includes('guess'), false);
        return true;
      });
      assert.equal(server.seen.length, 2);
    });
  });
});

describe('redirects', () => {
  test('another origin never sees the authorization, and its 401 is no question to us', async () => {
    const storage = await scriptedServer(({ seen, answer }) => {
      if (seen.url === '/locked') answer(401, { 'www-authenticate': 'Basic realm="r"' });
      else answer(200, {}, 'x');
    });
    let path = '/open?sig=1';
    const script = ({ seen, answer }: Exchange) => {
      if (seen.headers.authorization === basic) answer(307, { location: `http://${storage.host}${path}` });
      else answer(401, { 'www-authenticate': 'Basic realm="r"' });
    };
    try {
      await withServer(script, me, async (store) => {
        assert.equal((await collect(await store.fetch(blob))).toString(), 'x');
        path = '/locked';
        await assert.rejects(store.fetch(blob), { code: 'UNAUTHORIZED' });
      });
      assert.equal(storage.seen.length, 2);
      for (const entry of storage.seen) assert.equal(entry.headers.authorization, undefined);
    } finally {
      await storage.close();
    }
  });

  test('they end, and lead to HTTP servers only', async () => {
    const loop = ({ answer, seen }: Exchange) => answer(307, { location: seen.url });
    await withServer(loop, anonymous, async (store, server) => {
      await assert.rejects(store.fetch(blob), /more than 5 redirects/);
      assert.equal(server.seen.length, 6);
    });
    const away = ({ answer }: Exchange) => answer(302, { location: 'file:///etc/passwd' });
    await withServer(away, anonymous, async (store) => {
      await assert.rejects(store.fetch(blob), { code: 'REGISTRY' });
    });
  });
});

test('repositories have the credentials that are theirs, and share tokens where those are one', async () => {
  const server = await scriptedServer(({ seen, answer }) => {
    if (seen.url.startsWith('/token')) answer(200, {}, '{"token":"t","expires_in":300}');
    else if (seen.headers.authorization === 'Bearer t') answer(200, {}, 'x');
    else answer(401, { 'www-authenticate': `Bearer realm="http://${server.host}/token"` });
  });
  const credentials: CredentialSource = async (_registry, { repository } = {}) => ({
    username: repository?.startsWith('team/') ? 'team' : 'me',
    password: 'secret',
  });
  const client = new RegistryClient({ credentials });
  try {
    for (const repository of ['a', 'team/a', 'b', 'team/b', 'a', 'team/a'])
      assert.equal(await client.repository(server.host, repository).exists(blob), true);
    const asked = server.seen.filter(({ url }) => url.startsWith('/token'));
    const users = asked.map(({ url, headers }) => {
      const query = new URL(url, 'http://h').searchParams;
      assert.equal(headers.authorization, basicAuthorization(query.get('account') ?? '', 'secret'));
      return `${query.get('scope')?.split(':')[1]} ${query.get('account')}`;
    });
    assert.deepEqual(users, ['a me', 'team/a team', 'b me', 'team/b team']);
    // The registry asks once: how is known from then on.
    assert.equal(server.seen.filter(({ headers }) => headers.authorization === undefined).length, 1);
  } finally {
    client.close();
    await server.close();
  }
});
