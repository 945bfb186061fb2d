import { failure, isFailure, type PolyarchError } from '../../lib/errors.ts';
import { redactText, redactUrl } from '../../lib/redact.ts';
import { isLoopbackHost } from './endpoint.ts';
import { BodyError } from './http.ts';

/** Node's or OpenSSL's code of an error, or of what a failure of ours was caused by; `` when it has none. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (isFailure(error)) return codeOf(error.cause);
  return 'code' in error ? String(error.code) : '';
}

export function isReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(codeOf(error));
}

/** The peer's certificate is signed by nobody that is trusted here. Another name or a past date is not meant. */
export function isUnknownAuthority(error: unknown): boolean {
  return /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:GET_ISSUER_CERT(?:_LOCALLY)?|VERIFY_LEAF_SIGNATURE))$/.test(
    codeOf(error),
  );
}

/** What listens there answered a TLS greeting with something else. */
export function isNotTls(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === 'EPROTO' || /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/.test(code)
  );
}

/** For what may be over soon. */
export const triesHint = 'try again later, or with more tries: --retry-times 10';

export function networkFailure(url: URL, what: string, cause?: unknown): PolyarchError {
  return failure('NETWORK', 'reach', redactUrl(url.origin), what, {
    retryable: true,
    cause,
    hint: triesHint,
  });
}

/** NETWORK with a sentence for what Node's code means; failures of ours pass. */
export function asFailure(error: unknown, url: URL, proxy?: URL): unknown {
  if (error instanceof BodyError) return error;
  if (isFailure(error)) return error;
  if (error === undefined) return networkFailure(url, 'the connection closed without an answer');
  const code = codeOf(error);
  if (proxy && /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/.test(code)) {
    return failure('NETWORK', 'reach', redactUrl(url.origin), `its proxy does not answer (${code})`, {
      retryable: code !== 'ENOTFOUND',
      cause: error,
      hint: `${proxyHint}: it says ${redactUrl(proxy.origin)}`,
    });
  }
  const never = (what: string, hint?: string): PolyarchError =>
    failure('NETWORK', 'reach', redactUrl(url.origin), what, { cause: error, hint });
  if (code === 'ECONNREFUSED') {
    const local = isLoopbackHost(url.hostname);
    return failure('NETWORK', 'reach', redactUrl(url.origin), 'nothing listens there (connection refused)', {
      retryable: !local,
      cause: error,
      hint: local ? 'start a registry there, or correct the port' : 'check the registry’s name and port',
    });
  }
  if (code === 'ENOTFOUND') return never('no such host', 'check the spelling of the registry, and DNS');
  if (code === 'EAI_AGAIN') return networkFailure(url, 'DNS does not answer', error);
  if (code === 'ERR_PROXY_TUNNEL') return proxyFailure(error, url);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return never('its TLS certificate is for another host', 'use the name that the certificate has');
  }
  if (/CERT_(?:HAS_EXPIRED|NOT_YET_VALID)/.test(code)) {
    return never(
      `its TLS certificate is out of date (${code})`,
      'check the clock of this machine and of that one',
    );
  }
  if (/ALERT/.test(code) && /CERTIFICATE/.test(code)) {
    return never(
      `it refused the client certificate, or wants one (${code})`,
      `put NAME.cert and NAME.key into /etc/containers/certs.d/${url.host}, or name their directory with --cert-dir`,
    );
  }
  if (isUnknownAuthority(error) || /CERT|SELF_SIGNED|ISSUER|SIGNATURE/.test(code)) {
    return never(
      `its TLS certificate is not trusted (${code})`,
      `put its authority's certificate into /etc/containers/certs.d/${url.host}/ca.crt, or name its directory with --cert-dir`,
    );
  }
  if (isNotTls(error) || code.startsWith('ERR_SSL')) {
    return never(
      `it does not speak TLS (${code})`,
      'plain HTTP is spoken to registries of this machine only; --tls-verify=false allows it elsewhere, without credentials',
    );
  }
  if (isReset(error)) return networkFailure(url, 'the connection broke', error);
  return networkFailure(url, redactText(error instanceof Error ? error.message : String(error)), error);
}

const proxyHint = 'check HTTPS_PROXY or HTTP_PROXY, or name the host in NO_PROXY';

/** Node's own message would show the proxy's password. */
function proxyFailure(error: unknown, url: URL): PolyarchError {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : undefined;
  const what =
    status === undefined
      ? 'the proxy opened no way there'
      : `the proxy refused to open a way there (${status})`;
  return failure('NETWORK', 'reach', redactUrl(url.origin), what, {
    cause: status === undefined ? error : undefined,
    retryable: status === undefined || status >= 500,
    hint:
      status === 407
        ? 'put the user and password into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT'
        : proxyHint,
  });
}
