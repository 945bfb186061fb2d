import { constants } from 'node:os';

/** What STOPSIGNAL may say; anything else ends a program as SIGTERM does. */
export function stopSignal(text: string): NodeJS.Signals | number {
  if (/^[0-9]{1,2}$/.test(text)) return Number(text);
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  return name in constants.signals ? (name as NodeJS.Signals) : 'SIGTERM';
}
