import { spawn } from 'node:child_process';
import type { IoOptions } from '../../../content/store.ts';
import { abortReason, failure, type PolyarchError, reasonOf } from '../../../lib/errors.ts';
import { redactText } from '../../../lib/redact.ts';
import { limits } from '../limits.ts';
import type { Credential } from './credential.ts';

/** The helper's own words for "none" (docker-credential-helpers, credentials/error.go). */
const notFound = /credentials not found|no credentials server URL|no credentials username/i;
const identityUser = '<token>';

/**
 * Runs `docker-credential-<helper> get` with the server on its standard input. Undefined when the helper has none; UNAUTHORIZED when
 * it cannot be run or fails. What it prints is never shown: it may hold the secret.
 */
export async function askHelper(
  helper: string,
  server: string,
  options: IoOptions & { env: NodeJS.ProcessEnv },
): Promise<Credential | undefined> {
  const broken = brokenHelper('get credentials from', helper);
  const { code, stdout } = await run(helper, 'get', server, options, broken);
  if (code !== 0) {
    if (notFound.test(stdout)) return undefined;
    throw broken(`it failed with exit code ${code}: ${redactText(stdout, 120) || 'no message'}`);
  }
  let document: Record<string, unknown>;
  try {
    document = JSON.parse(stdout) as Record<string, unknown>;
  } catch {
    throw broken('it printed what is not JSON');
  }
  const { Username: username, Secret: secret } = document;
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw broken('it printed no Username and Secret');
  if (secret === '') return undefined;
  return username === identityUser ? { identityToken: secret } : { username, password: secret };
}

/** Gives a helper a secret to keep (`store`: a JSON document), or has it forget one (`erase`: the server; none is no error). */
export async function tellHelper(
  helper: string,
  action: 'store' | 'erase',
  input: string,
  options: IoOptions & { env: NodeJS.ProcessEnv },
): Promise<void> {
  const verb = action === 'store' ? 'store credentials in' : 'erase credentials from';
  const broken = brokenHelper(verb, helper);
  const { code, stdout } = await run(helper, action, input, options, broken);
  if (code === 0 || (action === 'erase' && notFound.test(stdout))) return;
  // What it says of a secret that it was given may quote it.
  const said = action === 'store' ? '' : redactText(stdout, 120);
  throw broken(`it failed with exit code ${code}${said === '' ? '' : `: ${said}`}`);
}

function brokenHelper(action: string, helper: string): (what: string, cause?: unknown) => PolyarchError {
  return (what, cause) =>
    failure('UNAUTHORIZED', action, `docker-credential-${helper}`, what, {
      cause,
      hint: 'install the helper, or take it out of credHelpers and credsStore in Docker’s config.json',
    });
}

function run(
  helper: string,
  action: 'get' | 'store' | 'erase',
  input: string,
  options: IoOptions & { env: NodeJS.ProcessEnv },
  broken: (what: string, cause?: unknown) => PolyarchError,
): Promise<{ code: number; stdout: string }> {
  const { signal, env } = options;
  return new Promise((resolve, reject) => {
    if (!/^[A-Za-z0-9_.-]+$/.test(helper)) {
      reject(broken('not the name of a helper'));
      return;
    }
    if (signal?.aborted) {
      reject(abortReason(signal));
      return;
    }
    const child = spawn(`docker-credential-${helper}`, [action], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (reason: PolyarchError): void => {
      child.kill('SIGKILL');
      reject(reason);
    };
    const abort = (): void => {
      if (signal) stop(abortReason(signal));
    };
    const timer = setTimeout(() => stop(broken('it did not answer in time')), limits.helperMs);
    signal?.addEventListener('abort', abort, { once: true });
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    child.on('error', (error) => {
      done();
      reject(broken(reasonOf(error).includes('ENOENT') ? 'it is not installed' : 'it cannot be run', error));
    });
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.credentialBytes) stop(broken('it printed too much'));
      else chunks.push(chunk);
    });
    child.on('close', (code) => {
      done();
      resolve({ code: code ?? 1, stdout: Buffer.concat(chunks).toString('utf8') });
    });
    // A helper that ends without reading must not fail the write.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
