import type { RegistryResponse } from './message.ts';

/** Error codes of distribution-spec, "Error Codes", with the status that each is sent with unless the place says otherwise. */
const statusOf = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  TAG_INVALID: 400,
  UNKNOWN: 500,
} as const;

export type RegistryErrorCode = keyof typeof statusOf;

/** Thrown by a handler, answered as the specification's JSON. Never leaves the room. */
export class RegistryError extends Error {
  readonly code: RegistryErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;

  constructor(
    code: RegistryErrorCode,
    message: string,
    options: { status?: number; headers?: Readonly<Record<string, string | number>> } = {},
  ) {
    super(message);
    this.code = code;
    this.status = options.status ?? statusOf[code];
    this.headers = options.headers ?? {};
  }

  toResponse(): RegistryResponse {
    return jsonResponse(
      { errors: [{ code: this.code, message: this.message }] },
      { status: this.status, headers: this.headers },
    );
  }
}

export function jsonResponse(
  value: unknown,
  options: {
    status?: number;
    headers?: Readonly<Record<string, string | number>>;
    contentType?: string;
  } = {},
): RegistryResponse {
  const body = Buffer.from(JSON.stringify(value));
  // The length of this body goes last: headers of an error may come from an answer that has none.
  const headers = {
    'content-type': options.contentType ?? 'application/json',
    ...options.headers,
    'content-length': body.length,
  };
  return { status: options.status ?? 200, headers, body };
}
