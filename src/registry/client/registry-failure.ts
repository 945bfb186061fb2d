import { type ErrorCode, failure, type PolyarchError } from '../../lib/errors.ts';
import { redactText } from '../../lib/redact.ts';
import type { HttpResponse } from './http.ts';
import { limits } from './limits.ts';
import { triesHint } from './network-failure.ts';
import { retryAfter } from './retry.ts';
import { readBody } from './watched-body.ts';

export interface RegistryFailureOptions {
  /** As references have it: for the hint. */
  readonly registry: string;
  /** What a 404 means here, for example `no such tag`. */
  readonly missing?: string;
}

/** distribution-spec, "Error Codes". */
const invalidContent: ReadonlySet<string> = new Set(['DIGEST_INVALID', 'SIZE_INVALID']);

/**
 * The failure that an answer stands for: UNAUTHORIZED (401, 403), NOT_FOUND (404), UNSUPPORTED (405), CONTENT_INVALID
 * when it says that the bytes it got are not those of their digest, else REGISTRY. The registry's own message
 * is shown redacted, on one line.
 */
export async function registryFailure(
  response: HttpResponse,
  action: string,
  thing: string,
  options: RegistryFailureOptions,
): Promise<PolyarchError> {
  const { status } = response;
  const { code: errorCode, text: said } = await errorOf(response);
  const tail = said === '' ? '' : `: ${said}`;
  const login = `polyarch login ${options.registry}`;
  if (status === 401) {
    return failure('UNAUTHORIZED', action, thing, `the registry wants other credentials (401)${tail}`, {
      hint: login,
    });
  }
  if (status === 403) {
    return failure('UNAUTHORIZED', action, thing, `the registry refused (403)${tail}`, {
      hint: `${login} with a user that may do this`,
    });
  }
  if (status === 404) {
    return failure(
      'NOT_FOUND',
      action,
      thing,
      `${options.missing ?? 'the registry has no such thing'}${tail}`,
      {
        hint:
          errorCode === 'BLOB_UNKNOWN'
            ? 'the image is not whole there: push it again, or copy it from elsewhere'
            : missingRepositoryHint(options.registry),
      },
    );
  }
  if (errorCode !== undefined && invalidContent.has(errorCode)) {
    return failure('CONTENT_INVALID', action, thing, `the registry refused the bytes (${status})${tail}`);
  }
  const code: ErrorCode = status === 405 || errorCode === 'UNSUPPORTED' ? 'UNSUPPORTED' : 'REGISTRY';
  const wait = status === 429 ? retryAfter(response.headers['retry-after']) : undefined;
  const hint =
    status === 429
      ? `${wait === undefined ? 'wait' : `wait ${Math.ceil(wait / 1000)} seconds`}, or ${login} for a higher limit`
      : status >= 500
        ? triesHint
        : undefined;
  return failure(code, action, thing, `the registry answered ${status}${tail}`, { hint });
}

export function missingRepositoryHint(registry: string): string {
  return `check the spelling; a private repository may answer so to who is not logged in: polyarch login ${registry}`;
}

/** The first error of the distribution-spec's body, its text as `CODE: message`; nothing of another body: a proxy's HTML page helps nobody. */
export async function errorOf(response: HttpResponse): Promise<{ code?: string; text: string }> {
  try {
    const bytes = await readBody(response, limits.errorBytes);
    const document: unknown = JSON.parse(bytes?.toString('utf8') ?? '');
    const list = field(document, 'errors');
    const first: unknown = Array.isArray(list) ? list[0] : document;
    const [code, message] = [field(first, 'code'), field(first, 'message') ?? field(first, 'details')];
    const parts = [code, message].filter((part) => typeof part === 'string' && part !== '');
    return { ...(typeof code === 'string' ? { code } : {}), text: redactText(parts.join(': ')) };
  } catch {
    return { text: '' };
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
