import { type ErrorCode, isFailure, type PolyarchError } from '../../../lib/errors.ts';
import { type Platform, platformsEqual } from '../../../oci/platform.ts';
import type { BuildEvent, LeftOut } from '../engine.ts';

/** Failures that say nothing about the platform: of the machine, the network, the command line. */
const notOfThePlatform: readonly ErrorCode[] = [
  'INTERRUPTED',
  'KEEPER',
  'NETWORK',
  'REGISTRY',
  'STORE',
  'UNAUTHORIZED',
  'USAGE',
];

/** Which platforms of a build may be left out, and which were. */
export class OptionalPlatforms {
  readonly #optional: readonly Platform[];
  readonly #onEvent: (event: BuildEvent) => void;
  readonly #leftOut: LeftOut[] = [];

  constructor(optional: readonly Platform[], onEvent: (event: BuildEvent) => void) {
    this.#optional = optional;
    this.#onEvent = onEvent;
  }

  get leftOut(): readonly LeftOut[] {
    return this.#leftOut;
  }

  includes(platform: Platform): boolean {
    return this.#optional.some((one) => platformsEqual(one, platform));
  }

  mayFail(platform: Platform, error: unknown): error is PolyarchError {
    return this.includes(platform) && isFailure(error) && !notOfThePlatform.includes(error.code);
  }

  /** Throws the error where the platform is required, or the failure is not the platform's. */
  leaveOut(platform: Platform, error: unknown): void {
    if (!this.mayFail(platform, error)) throw error;
    this.#leftOut.push({ platform, error });
    this.#onEvent({ type: 'platform-left-out', platform, error });
  }

  /** Throws the first failure where no platform is left. */
  demandAny(remaining: number): void {
    const [first] = this.#leftOut;
    if (remaining === 0 && first !== undefined) throw first.error;
  }
}
