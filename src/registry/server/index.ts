/** `polyarch/registry/server`: the embedded registry, over a directory or over any stores. */
export type { RegistryOptions, RunningRegistry } from './start-registry.ts';
export { startRegistry } from './start-registry.ts';
