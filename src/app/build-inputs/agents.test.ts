import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../../lib/errors.ts';
import { agentSource } from './agents.ts';
import { framed, MessageReader } from './ssh/agent-message.ts';
import { parsePrivateKey } from './ssh/private-key.ts';
import { mpint, string, uint32, WireReader } from './ssh/ssh-wire.ts';

const scratch = mkdtempSync(join(tmpdir(), 'polyarch-agents-'));
after(() => rmSync(scratch, { recursive: true }));

/** As ssh-keygen writes it (OpenSSH's PROTOCOL.key). */
function opensshFile(key: KeyObject, cipher = 'none'): string {
  const jwk = key.export({ format: 'jwk' });
  const field = (name: keyof typeof jwk): Buffer => Buffer.from(String(jwk[name]), 'base64url');
  const own =
    jwk.kty === 'OKP'
      ? [string('ssh-ed25519'), string(field('x')), string(Buffer.concat([field('d'), field('x')]))]
      : jwk.kty === 'EC'
        ? [
            ...[string('ecdsa-sha2-nistp384'), string('nistp384')],
            ...[string(Buffer.concat([Buffer.from([4]), field('x'), field('y')])), mpint(field('d'))],
          ]
        : [
            string('ssh-rsa'),
            ...(['n', 'e', 'd', 'qi', 'p', 'q'] as const).map((name) => mpint(field(name))),
          ];
  const secret = Buffer.concat([uint32(7), uint32(7), ...own, string('a comment'), Buffer.from([1, 2, 3])]);
  const body = [string(cipher), string('none'), string(''), uint32(1), string('public'), string(secret)];
  const bytes = Buffer.concat([Buffer.from('openssh-key-v1\0'), ...body]);
  const lines = bytes.toString('base64').replace(/.{70}/g, '$&\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

const keys = {
  ed25519: generateKeyPairSync('ed25519').privateKey,
  ecdsa: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
};

async function ask(path: string, ...messages: Buffer[]): Promise<Buffer[]> {
  const socket = connect(path);
  const reader = new MessageReader();
  const answers: Buffer[] = [];
  for (const message of messages) socket.write(framed(message));
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    answers.push(...reader.push(chunk));
    if (answers.length >= messages.length) break;
  }
  return answers;
}

const signRequest = (blob: Buffer, data: Buffer, flags: number): Buffer =>
  Buffer.concat([Buffer.from([13]), string(blob), string(data), uint32(flags)]);

describe('agents', () => {
  for (const [name, key] of Object.entries(keys)) {
    test(`a key of ${name} is listed and signs, and its agent ends with the build`, async () => {
      const path = join(scratch, name);
      writeFileSync(path, opensshFile(key));
      const agents = await agentSource([`default=${path}`], {});
      const socket = (await agents.socket('default')) ?? '';
      assert.equal(await agents.socket('default'), socket);
      assert.equal(await agents.socket('other'), undefined);
      const [list] = await ask(socket, Buffer.from([11]));
      const reader = new WireReader(list?.subarray(1) ?? Buffer.alloc(0));
      assert.equal(reader.uint32(), 1);
      const blob = reader.string();
      assert.equal(reader.string().toString(), 'a comment');

      const data = Buffer.from('what is signed');
      for (const [flags, algorithm, hash] of signatures[name as keyof typeof keys]) {
        const [answer] = await ask(socket, signRequest(blob, data, flags));
        assert.equal(answer?.[0], 14);
        const signature = new WireReader(new WireReader(answer?.subarray(1) ?? blob).string());
        assert.equal(signature.string().toString(), algorithm);
        assert.ok(holds(key, hash, data, signature.string()), algorithm);
      }
      const others = [
        Buffer.from([17]),
        Buffer.from([19]),
        signRequest(Buffer.from('no'), data, 0),
        Buffer.from([13]),
      ];
      assert.deepEqual(
        (await ask(socket, ...others)).map((answer) => [...answer]),
        [[5], [5], [5], [5]],
      );
      await agents.close();
      assert.ok(!existsSync(socket));
    });
  }

  test('PEM is read too', () => {
    const pem = keys.ecdsa.export({ type: 'sec1', format: 'pem' }).toString();
    assert.ok(parsePrivateKey(pem, 'k').key.equals(keys.ecdsa));
  });

  test('keys behind a passphrase and of other kinds are refused with a hint, other files told', () => {
    const locked = keys.rsa.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' });
    for (const text of [locked.toString(), opensshFile(keys.rsa, 'aes256-ctr')]) {
      const refused = (error: unknown) =>
        isFailure(error, 'UNSUPPORTED') && /ssh-add k/.test(error.hint ?? '');
      assert.throws(() => parsePrivateKey(text, 'k'), refused);
    }
    assert.throws(
      () => parsePrivateKey('ssh-ed25519 AAAA comment', 'k.pub'),
      (error) => isFailure(error, 'CONTENT_INVALID'),
    );
  });

  test('a broken key fails as such, and no message has any of it', () => {
    const whole = opensshFile(keys.ed25519);
    fc.assert(
      fc.property(fc.nat(whole.length), fc.integer({ min: 0x20, max: 0x7e }), (at, code) => {
        const text = whole.slice(0, at) + String.fromCharCode(code) + whole.slice(at + 1);
        try {
          parsePrivateKey(text, 'k');
        } catch (error) {
          assert.ok(isFailure(error, 'CONTENT_INVALID', 'UNSUPPORTED'));
          assert.ok(!/[A-Za-z0-9+/]{30}/.test(error.message));
        }
      }),
    );
  });

  test('an agent is only asked to list and to sign, unless raw=true', async () => {
    const path = join(scratch, 'agent');
    const seen: number[] = [];
    const server = createServer((client) => {
      const reader = new MessageReader();
      client.on('data', (chunk) => {
        for (const message of reader.push(chunk)) {
          seen.push(message[0] ?? 0);
          client.write(framed(Buffer.from([99])));
        }
      });
    }).listen(path);
    await once(server, 'listening');
    const agents = await agentSource(['default', `raw=${path},raw=true`], { SSH_AUTH_SOCK: path });
    const answers = await ask(
      (await agents.socket('default')) ?? '',
      ...[11, 19, 13, 22].map((n) => Buffer.from([n])),
    );
    assert.deepEqual(
      answers.map((answer) => answer[0]),
      [99, 5, 99, 5],
    );
    assert.deepEqual(seen, [11, 13]);
    assert.equal(await agents.socket('raw'), path);
    for (const bad of [`a=${path},${path}`, '=x', `a=${join(scratch, 'rsa')},raw=true`])
      await assert.rejects(agentSource([bad], {}), (error) => isFailure(error, 'USAGE'), bad);
    await assert.rejects(agentSource(['default'], {}), (error) => isFailure(error, 'NOT_FOUND'));
    await agents.close();
    server.close();
  });
});

const signatures = {
  ed25519: [[0, 'ssh-ed25519', undefined]],
  ecdsa: [[0, 'ecdsa-sha2-nistp384', 'sha384']],
  rsa: [
    [0, 'ssh-rsa', 'sha1'],
    [2, 'rsa-sha2-256', 'sha256'],
    [4, 'rsa-sha2-512', 'sha512'],
  ],
} as const;

function holds(key: KeyObject, hash: string | undefined, data: Buffer, signature: Buffer): boolean {
  const publicKey = createPublicKey(key);
  if (publicKey.asymmetricKeyType !== 'ec') return verify(hash ?? null, data, publicKey, signature);
  const reader = new WireReader(signature);
  const halves = [reader.string(), reader.string()].map((half) => {
    const digits = half[0] === 0 ? half.subarray(1) : half;
    return Buffer.concat([Buffer.alloc(48 - digits.length), digits]);
  });
  return verify(hash ?? null, data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.concat(halves));
}
