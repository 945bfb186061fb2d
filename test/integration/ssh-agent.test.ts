import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { agentSource } from '../../src/app/build-inputs/agents.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { runProgram, succeed } from '../fixtures/run-program.ts';

describe('an agent of key files, as OpenSSH sees it', {
  skip: withoutPrograms('ssh-keygen', 'ssh-add'),
}, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-ssh-agent-'));
  after(() => rmSync(scratch, { recursive: true }));

  for (const [type, bits] of [
    ['ed25519', '256'],
    ['ecdsa', '256'],
    ['ecdsa', '384'],
    ['ecdsa', '521'],
    ['rsa', '2048'],
  ] as const) {
    test(`${type} of ${bits} bits is listed, and signs what ssh-keygen verifies`, async () => {
      const key = join(scratch, `${type}-${bits}`);
      const file = join(scratch, `${type}-${bits}.text`);
      const signers = join(scratch, 'signers');
      await succeed(['ssh-keygen', '-q', '-t', type, '-b', bits, '-N', '', '-C', 'me@here', '-f', key]);
      const agents = await agentSource([`default=${key}`], {});
      try {
        const env = { ...process.env, SSH_AUTH_SOCK: await agents.socket('default') };
        const { stdout } = await succeed(['ssh-add', '-L'], { env });
        assert.equal(stdout, readFileSync(`${key}.pub`, 'utf8'));
        rmSync(key);
        writeFileSync(file, 'what is signed\n');
        writeFileSync(signers, `me@here ${stdout}`);
        await succeed(['ssh-keygen', '-Y', 'sign', '-n', 'file', '-f', `${key}.pub`, file], { env });
        const verify = ['-Y', 'verify', '-n', 'file', '-I', 'me@here', '-f', signers, '-s', `${file}.sig`];
        await succeed(['ssh-keygen', ...verify], { stdin: file });
        assert.equal((await runProgram(['ssh-add', '-D'], { env })).code, 1);
      } finally {
        await agents.close();
      }
    });
  }
});
