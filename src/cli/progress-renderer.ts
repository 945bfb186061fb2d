import type { BuildEvent } from '../app/build.ts';

/** Reads a build's events and shows them; `close` leaves the terminal as it was. */
export interface ProgressRenderer {
  onEvent(event: BuildEvent): void;
  close(): void;
}
