const ellipsis = '…';

/** A URL as messages and logs may show it: no user, password, query or fragment (signed downloads carry secrets in their query). */
export function redactUrl(url: URL | string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return '(not a URL)';
  }
  const query = parsed.search === '' ? '' : `?${ellipsis}`;
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}${query}`;
}

/**
 * A command with addresses in it as history and progress may show it: without users, passwords and queries. What an address says of a git
 * reference stays.
 */
export function redactAddresses(text: string): string {
  return text.replace(
    /\b((?:https?|ssh|git):\/\/)(?:[^\s"'/?#]*@)?([^\s"'?#]*)(\?[^\s"'#]*)?/gi,
    (_, scheme: string, rest: string, query?: string) =>
      `${scheme}${rest}${query === undefined ? '' : `?${ellipsis}`}`,
  );
}

/** Text for one line of a terminal: control and format characters, which could rewrite what is shown, become spaces. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** The same for several lines: their ends and tabs stay. */
export function printableLines(text: string): string {
  return text.replace(/[^\n\t]+/g, printable);
}

/** What a program printed: lines, tabs and colours stay (ECMA-48's SGR), whatever else speaks to the terminal becomes a space. */
export function printableOutput(text: string): string {
  return text.replace(/\u001b\[[0-9;:]*m|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (found) =>
    found.length > 1 ? found : ' ',
  );
}

/**
 * Text that somebody else wrote, made fit for one line of a terminal: control and format characters gone, URLs and credentials
 * redacted, at most `maxLength` characters.
 */
export function redactText(text: string, maxLength = 300): string {
  const line = printable(text.slice(0, maxLength * 4))
    .replace(/\bhttps?:\/\/[^\s"'<>]+/gi, (url) => redactUrl(url))
    .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${ellipsis}`)
    .replace(
      /\b(access_token|refresh_token|password|secret|token)(["']?\s*[=:]\s*["']?)[^\s"'&,}]+/gi,
      `$1$2${ellipsis}`,
    )
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > maxLength ? `${line.slice(0, maxLength)}${ellipsis}` : line;
}
