import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SecretSource } from '../../build/ops/run-inputs.ts';
import { failure, isFailure, reasonOf } from '../../lib/errors.ts';
import { readFileWithin } from '../../lib/read-file-within.ts';

/** BuildKit's limit (session/secrets: MaxSecretSize). */
export const maxSecretBytes = 500 * 1024;

type Secret = { readonly file: string } | { readonly variable: string };

/** `--secret id=ID[,src=FILE|,env=NAME]`, as buildx has it: an id alone is a variable of that name, else a file. Values are read when a step wants them. */
export async function secretSource(texts: readonly string[], env: NodeJS.ProcessEnv): Promise<SecretSource> {
  const secrets = new Map<string, Secret>();
  for (const text of texts) {
    const { id, secret } = parseSecret(text, env);
    if ('file' in secret) await checkFile(id, secret.file);
    secrets.set(id, secret);
  }
  return {
    async read(id) {
      const secret = secrets.get(id);
      if (secret === undefined) return undefined;
      if ('file' in secret) return await readSecret(id, secret.file);
      const value = env[secret.variable];
      if (value === undefined) throw unusable(id, `there is no variable ${secret.variable}`);
      return checkedSize(id, Buffer.from(value));
    },
  };
}

function parseSecret(text: string, env: NodeJS.ProcessEnv): { id: string; secret: Secret } {
  const usage = (what: string): Error =>
    failure('USAGE', 'use --secret', text, what, {
      hint: '--secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE',
    });
  let [id, type, source, variable] = ['', '', '', ''];
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    const value = field.slice(equals + 1);
    if (equals < 0) throw usage(`"${field}" is no NAME=value`);
    switch (field.slice(0, equals).toLowerCase()) {
      case 'type':
        if (value !== 'file' && value !== 'env') throw usage(`type "${value}" is neither file nor env`);
        type = value;
        break;
      case 'id':
        id = value;
        break;
      case 'source':
      case 'src':
        source = value;
        break;
      case 'env':
        variable = value;
        break;
      default:
        throw usage(`it has no field ${field.slice(0, equals)}`);
    }
  }
  if (id === '') throw usage('it has no id');
  if (type === 'env' && variable === '') [variable, source] = [source, ''];
  if (variable !== '' && source !== '') throw usage('it is from a file or from a variable, not both');
  if (variable === '' && source === '') {
    if (type !== 'file' && env[id] !== undefined) variable = id;
    else source = id;
  }
  return { id, secret: variable === '' ? { file: resolve(source) } : { variable } };
}

async function checkFile(id: string, path: string): Promise<void> {
  const status = await stat(path).catch((error: unknown) => {
    throw unusable(id, reasonOf(error));
  });
  if (status.isDirectory()) throw unusable(id, `${path} is a directory`);
  if (status.isFile() && status.size > maxSecretBytes) throw tooLarge(id);
}

/** A pipe may be a secret, too: it is read to its end, or to the limit. */
async function readSecret(id: string, path: string): Promise<Buffer> {
  try {
    return await readFileWithin(path, maxSecretBytes);
  } catch (error) {
    throw isFailure(error, 'LIMIT') ? tooLarge(id) : unusable(id, reasonOf(error));
  }
}

function checkedSize(id: string, value: Buffer): Buffer {
  if (value.length > maxSecretBytes) throw tooLarge(id);
  return value;
}

function tooLarge(id: string): Error {
  return failure('LIMIT', 'use secret', id, `larger than ${maxSecretBytes} bytes`);
}

function unusable(id: string, what: string): Error {
  return failure('NOT_FOUND', 'use secret', id, what);
}
