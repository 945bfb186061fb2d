import type { Tier } from '../build/sandbox/tier.ts';

/** `auto`: the first that works on this machine. */
export type SandboxChoice = 'auto' | Tier;
