/** `polyarch/registry/client`: a registry's repositories as stores. */
export type { Credential, CredentialSource } from './auth/credential.ts';
export { dockerCredentials } from './auth/docker-config.ts';
export type { OnRegistryEvent, RegistryEvent } from './events.ts';
export { loadRegistriesConf } from './mirrors/load-registries-conf.ts';
export { MirroredStore } from './mirrors/mirrored-store.ts';
export { RegistriesConf } from './mirrors/registries-conf.ts';
export type { RateLimit } from './rate-limit.ts';
export type { RegistryClientOptions } from './registry-client.ts';
export { RegistryClient } from './registry-client.ts';
export { RegistryStore } from './registry-store.ts';
