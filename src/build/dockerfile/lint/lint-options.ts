import { failure } from '../../../lib/errors.ts';
import { didYouMean } from '../../../lib/suggest.ts';

/** What the `check` directive or BUILDKIT_DOCKERFILE_CHECK says. */
export interface LintOptions {
  readonly skip: ReadonlySet<string> | 'all';
  /** Experimental rules that are on. */
  readonly experimental: ReadonlySet<string> | 'all';
  /** A warning ends the build. */
  readonly error: boolean;
}

export const noLintOptions: LintOptions = { skip: new Set(), experimental: new Set(), error: false };

/**
 * `skip=A,B;error=true;experimental=all` (BuildKit linter.ParseLintOptions). `where` names the text's place in messages. USAGE for an option that does not exist;
 * a rule that does not exist is no failure, as another version may have it.
 */
export function parseLintOptions(text: string, where: string): LintOptions {
  let options = noLintOptions;
  if (text.trim() === '') return options;
  for (const part of text.split(';')) {
    const equals = part.indexOf('=');
    const fail = (what: string, hint?: string) => failure('USAGE', 'read', where, what, { hint });
    if (equals < 0)
      throw fail(`invalid check option "${part}"`, 'it is skip=RULES, error=BOOLEAN or experimental=RULES');
    const name = part.slice(0, equals).trim();
    const value = part.slice(equals + 1).trim();
    const list = () => (value === 'all' ? 'all' : new Set(value.split(',').map((rule) => rule.trim())));
    switch (name) {
      case 'skip':
        options = { ...options, skip: list() };
        break;
      case 'experimental':
        options = { ...options, experimental: list() };
        break;
      case 'error':
        if (!/^(?:[10tfTF]|true|True|TRUE|false|False|FALSE)$/.test(value)) {
          throw fail(`failed to parse check option "${part}": "${value}" is no boolean`);
        }
        options = { ...options, error: /^[1tT]/.test(value) };
        break;
      default:
        throw fail(`invalid check option "${name}"${didYouMean(name, ['skip', 'error', 'experimental'])}`);
    }
  }
  return options;
}
