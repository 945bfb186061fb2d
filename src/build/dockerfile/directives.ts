import { trimSpace, trimStart } from './characters.ts';
import type { Directive } from './instruction.ts';

const names: readonly string[] = ['syntax', 'escape', 'check'];

/** Thrown for a directive that is given twice or has no valid value. */
export class DirectiveError extends Error {}

/** Reads `# name=value` lines at the head of a file: the first line that is none ends them (BuildKit parser/directives.go). */
export class DirectiveReader {
  readonly found: Directive[] = [];
  #done = false;
  #hasShebang = false;

  /** Whether the line, without white space in front, is a directive. Must be given every line in turn. */
  read(line: string, number: number): Directive | undefined {
    if (this.#done) return undefined;
    if (number === 1 && line.startsWith('#!')) {
      this.#hasShebang = true;
      return undefined;
    }
    const directive = line.startsWith('#') ? parseDirective(trimStart(line.slice(1)), number) : undefined;
    if (directive === undefined) {
      this.#done = true;
      return undefined;
    }
    if (this.found.some((earlier) => earlier.name === directive.name)) {
      throw new DirectiveError(`only one ${directive.name} parser directive can be used`);
    }
    // BuildKit looks for the others behind a first line `#!…`, for this one not.
    if (directive.name === 'escape' && this.#hasShebang) return undefined;
    if (directive.name === 'escape' && directive.value !== '\\' && directive.value !== '`') {
      throw new DirectiveError(`invalid escape token '${directive.value}' does not match \` or \\`);
    }
    this.found.push(directive);
    return directive;
  }
}

function parseDirective(text: string, line: number): Directive | undefined {
  const equals = text.indexOf('=');
  if (equals < 0) return undefined;
  const name = trimSpace(text.slice(0, equals)).toLowerCase();
  const value = trimSpace(text.slice(equals + 1));
  if (value === '' || !names.includes(name)) return undefined;
  return { name: name as Directive['name'], value, line };
}
