import type { CommandReader } from '../command.ts';
import { readOneText } from './one-text.ts';

/** Linux' signals less SIG and the real-time ones (moby/sys/signal). */
const signals: ReadonlySet<string> = new Set(
  (
    'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN ' +
    'TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'
  ).split(' '),
);

export const readStopSignal: CommandReader = (instruction, source) => {
  const written = readOneText(instruction, source);
  return {
    instruction,
    counts: false,
    apply(stage) {
      const signal = stage.expand(instruction, written);
      if (!isSignal(signal)) throw stage.invalid(instruction, `invalid signal: ${signal}`);
      stage.config.StopSignal = signal;
      stage.commit(instruction, `STOPSIGNAL ${signal}`);
    },
  };
};

function isSignal(text: string): boolean {
  if (/^[+-]?\d+$/.test(text)) return Number(text) !== 0;
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realtime = /^RT(?:MIN\+|MAX-)(\d+)$/.exec(name);
  if (realtime !== null)
    return Number(realtime[1]) >= 1 && Number(realtime[1]) <= (name.startsWith('RTMIN') ? 15 : 14);
  return signals.has(name);
}
