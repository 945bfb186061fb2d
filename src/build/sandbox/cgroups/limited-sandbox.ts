import type { Sandbox, SandboxOptions, SandboxResult, SandboxSpec } from '../sandbox.ts';
import { type BuildCgroup, StepCgroup } from './step-cgroup.ts';
import type { StepResources } from './step-resources.ts';

/** Runs each program in a group of its own, which is gone afterwards. */
export class LimitedSandbox implements Sandbox {
  readonly #inner: Sandbox;
  readonly #parents: readonly BuildCgroup[];
  readonly #resources: StepResources;

  constructor(inner: Sandbox, parents: readonly BuildCgroup[], resources: StepResources) {
    this.#inner = inner;
    this.#parents = parents;
    this.#resources = resources;
  }

  prepare(): void {
    this.#inner.prepare?.();
  }

  async run(spec: SandboxSpec, options: SandboxOptions): Promise<SandboxResult> {
    const group = new StepCgroup(this.#parents, spec.id, this.#resources);
    try {
      const result = await this.#inner.run({ ...spec, joins: group.joins }, options);
      return { ...result, memoryKills: group.memoryKills };
    } finally {
      await group.remove();
    }
  }
}
