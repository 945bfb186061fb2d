import type { Healthcheck } from '../../../oci/manifest.ts';
import type { Instruction } from '../../dockerfile/instruction.ts';
import { readFlags } from '../../dockerfile/read-flags.ts';
import { invalid, type Source } from '../../dockerfile/source.ts';
import type { CommandReader } from '../command.ts';
import { formatGoDuration, parseGoDuration } from '../go-duration.ts';
import { goQuote, goQuotedList, goQuoteRune } from '../go-format.ts';

type Complete = { readonly [Field in keyof Healthcheck]-?: NonNullable<Healthcheck[Field]> };

/** HEALTHCHECK: replaces an inherited one as a whole. */
export const readHealthcheck: CommandReader = (instruction, source) => {
  const check = healthcheckOf(instruction, source);
  return {
    instruction,
    counts: false,
    apply(stage) {
      stage.noteLast(instruction, 'HEALTHCHECK');
      stage.config.Healthcheck = Object.fromEntries(Object.entries(check).filter(([, value]) => value !== 0));
      const { Test, Interval, Timeout, StartPeriod, StartInterval, Retries } = check;
      const shown = [Interval, Timeout, StartPeriod, StartInterval].map((time) =>
        goQuote(formatGoDuration(time)),
      );
      // BuildKit prints the structure with %q, the number of retries as a character.
      const fields = [goQuotedList(Test), ...shown, goQuoteRune(Retries)].join(' ');
      stage.commit(instruction, `HEALTHCHECK &{${fields}}`);
    },
  };
};

function healthcheckOf(instruction: Instruction, source: Source): Complete {
  const fail = (what: string) => invalid(source, instruction.range, what);
  const { body } = instruction;
  if (body.form !== 'health' || body.type === '') throw fail('HEALTHCHECK requires at least one argument');
  const zero = { Interval: 0, Timeout: 0, StartPeriod: 0, StartInterval: 0, Retries: 0 };
  const { command } = body;
  const isEmpty = command.form === 'exec' ? command.arguments.length === 0 : command.text === '';
  const type = body.type.toUpperCase();
  if (type === 'NONE') {
    if (!isEmpty) throw fail('HEALTHCHECK NONE takes no arguments');
    return { Test: ['NONE'], ...zero };
  }
  if (type !== 'CMD') throw fail(`unknown type "${body.type}" in HEALTHCHECK (try CMD)`);
  if (isEmpty) throw fail('missing command after HEALTHCHECK CMD');
  const flags = readFlags(source, instruction, {
    interval: 'text',
    timeout: 'text',
    'start-period': 'text',
    'start-interval': 'text',
    retries: 'text',
  });
  const duration = (name: 'interval' | 'timeout' | 'start-period' | 'start-interval') => {
    const text = flags[name];
    const value = text === undefined || text === '' ? 0 : parseGoDuration(text);
    if (value === undefined) throw fail(`invalid duration "${text}" of --${name}`);
    if (value !== 0 && value < 1e6) throw fail(`--${name} cannot be less than 1ms`);
    return value;
  };
  const retries = flags.retries || '0';
  if (!/^\+?\d{1,10}$/.test(retries) || Number(retries) > 0x7fffffff) {
    throw fail(`--retries must be a number from 0 on, not "${retries}"`);
  }
  return {
    Test: command.form === 'exec' ? ['CMD', ...command.arguments] : ['CMD-SHELL', command.text],
    Interval: duration('interval'),
    Timeout: duration('timeout'),
    StartPeriod: duration('start-period'),
    StartInterval: duration('start-interval'),
    Retries: Number(retries),
  };
}
