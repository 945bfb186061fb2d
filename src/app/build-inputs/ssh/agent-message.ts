import { uint32 } from './ssh-wire.ts';

/** Message numbers (draft-ietf-sshm-ssh-agent, section 7.1). */
export const agentMessage = {
  failure: 5,
  requestIdentities: 11,
  identitiesAnswer: 12,
  signRequest: 13,
  signResponse: 14,
} as const;

export const failureAnswer = Buffer.from([agentMessage.failure]);

/** OpenSSH's own limit. */
const maxMessageBytes = 256 * 1024;

/** Messages out of a stream's chunks, each without its length. RangeError for one that no agent takes. */
export class MessageReader {
  #bytes = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const messages: Buffer[] = [];
    while (this.#bytes.length >= 4) {
      const length = this.#bytes.readUInt32BE();
      if (length === 0 || length > maxMessageBytes) throw new RangeError(`a message of ${length} bytes`);
      if (this.#bytes.length < 4 + length) break;
      messages.push(this.#bytes.subarray(4, 4 + length));
      this.#bytes = this.#bytes.subarray(4 + length);
    }
    return messages;
  }
}

export function framed(message: Buffer): Buffer {
  return Buffer.concat([uint32(message.length), message]);
}
