import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { agentMessage, failureAnswer } from './agent-message.ts';
import type { PrivateKey } from './private-key.ts';
import type { AgentSession } from './serve-agent.ts';
import { mpint, string, uint32, WireReader } from './ssh-wire.ts';

/** Flags of a sign request: which hash an RSA key signs with (RFC 8332). */
const rsaSha256 = 2;
const rsaSha512 = 4;

interface Identity {
  readonly blob: Buffer;
  readonly comment: string;
  readonly sign: (data: Buffer, flags: number) => Buffer;
}

/** Lists and signs with keys in memory, and does nothing else that an agent can be asked for. */
export function keyAgent(keys: readonly PrivateKey[]): AgentSession {
  const identities = keys.map(identityOf);
  return {
    async answer(message) {
      if (message[0] === agentMessage.requestIdentities) return list(identities);
      if (message[0] !== agentMessage.signRequest) return failureAnswer;
      try {
        const reader = new WireReader(message.subarray(1));
        const [blob, data, flags] = [reader.string(), reader.string(), reader.uint32()];
        const identity = identities.find((one) => one.blob.equals(blob));
        if (identity === undefined) return failureAnswer;
        return Buffer.concat([Buffer.from([agentMessage.signResponse]), string(identity.sign(data, flags))]);
      } catch {
        return failureAnswer;
      }
    },
    close() {},
  };
}

function list(identities: readonly Identity[]): Buffer {
  return Buffer.concat([
    Buffer.from([agentMessage.identitiesAnswer]),
    uint32(identities.length),
    ...identities.flatMap(({ blob, comment }) => [string(blob), string(comment)]),
  ]);
}

/** Public keys and signatures as RFC 4253 section 6.6, RFC 5656 and RFC 8709 have them. */
function identityOf({ key, comment }: PrivateKey): Identity {
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  const field = (name: 'n' | 'e' | 'x' | 'y'): Buffer => Buffer.from(jwk[name] ?? '', 'base64url');
  switch (jwk.kty) {
    case 'OKP':
      return {
        comment,
        blob: Buffer.concat([string('ssh-ed25519'), string(field('x'))]),
        sign: (data) => Buffer.concat([string('ssh-ed25519'), string(sign(null, data, key))]),
      };
    case 'EC': {
      const curve = `nistp${jwk.crv?.slice('P-'.length)}`;
      const hash = { nistp256: 'sha256', nistp384: 'sha384' }[curve] ?? 'sha512';
      const point = Buffer.concat([Buffer.from([4]), field('x'), field('y')]);
      return {
        comment,
        blob: Buffer.concat([string(`ecdsa-sha2-${curve}`), string(curve), string(point)]),
        sign: (data) => Buffer.concat([string(`ecdsa-sha2-${curve}`), string(ecdsa(key, hash, data))]),
      };
    }
    default:
      return {
        comment,
        blob: Buffer.concat([string('ssh-rsa'), mpint(field('e')), mpint(field('n'))]),
        sign(data, flags) {
          const [name, hash] =
            (flags & rsaSha512) !== 0
              ? ['rsa-sha2-512', 'sha512']
              : (flags & rsaSha256) !== 0
                ? ['rsa-sha2-256', 'sha256']
                : ['ssh-rsa', 'sha1'];
          return Buffer.concat([string(name), string(sign(hash, data, key))]);
        },
      };
  }
}

function ecdsa(key: KeyObject, hash: string, data: Buffer): Buffer {
  const both = sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
  const half = both.length / 2;
  return Buffer.concat([mpint(both.subarray(0, half)), mpint(both.subarray(half))]);
}
