import type { Command, Option } from 'commander';
import { parseGoBoolean } from '../lib/go-boolean.ts';

/**
 * `--push=false` and `--push=true`, as Go's programs write booleans, turned into what commander reads: `--no-push` or `--push`; nothing, for
 * false where there is no `--no-` form. Only of options that take no value, of commands below this one too, and only in front of what a command
 * passes on.
 */
export function plainBooleans(command: Command, argv: readonly string[]): string[] {
  const passesOn = (command as unknown as { _passThroughOptions?: boolean })._passThroughOptions === true;
  const find = (flag: string): Option | undefined =>
    command.options.find((option) => option.long === flag || option.short === flag);
  const plain: string[] = [];
  for (let position = 0; position < argv.length; position++) {
    const word = argv[position] ?? '';
    if (word === '--' || (passesOn && !word.startsWith('-'))) return [...plain, ...argv.slice(position)];
    const below = word.startsWith('-') ? undefined : command.commands.find((child) => child.name() === word);
    if (below) return [...plain, word, ...plainBooleans(below, argv.slice(position + 1))];
    const [, flag = word, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
    const option = find(flag);
    if (value === undefined) {
      plain.push(word);
      const next = argv[position + 1];
      if (option?.required && next !== undefined) {
        plain.push(next);
        position++;
      }
    } else if (option === undefined || option.required || option.optional) {
      plain.push(word);
    } else {
      const wanted = parseGoBoolean(value);
      const negated = `--no-${flag.slice(2)}`;
      if (wanted === undefined) plain.push(word);
      else if (wanted) plain.push(flag);
      else if (find(negated)) plain.push(negated);
    }
  }
  return plain;
}
