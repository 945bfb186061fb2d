import { type Command, Option } from 'commander';
import type { RegistrySettings } from '../app/registry-settings.ts';
import { failure } from '../lib/errors.ts';
import { count } from './count.ts';

/** The two ends of a command that reads one registry and writes another. */
export type Side = 'src' | 'dest';

/** What commander makes of the options below; each side's are the same words behind `src` or `dest`. */
export interface RegistryFlags {
  readonly tlsVerify?: boolean;
  readonly certDir?: string;
  readonly authfile?: string;
  /** False: `--no-creds`. */
  readonly creds?: string | false;
  readonly registryToken?: string;
  readonly registriesConf?: string;
  readonly maxPerHost?: number;
  readonly retryTimes?: number;
}

/**
 * Adds the options that every command shares which speaks to a registry, with skopeo's names. With `sides` also `--src-creds`,
 * `--dest-tls-verify` and so on, each of which overrides the plain one for that end. `registrySettings` reads them. A plain `--creds` is for
 * commands that speak to one registry: one credential is never sent to several owners. `creds: false` leaves it out.
 */
export function addRegistryOptions(
  command: Command,
  options: { sides?: boolean; creds?: boolean } = {},
): Command {
  const group = 'Registry options:';
  const oneOwner = options.creds !== false && options.sides !== true;
  const add = (option: Option): void => {
    command.addOption(option.helpGroup(group));
  };
  for (const option of perRegistry('', 'a registry')) {
    if (oneOwner || !/creds|token/.test(option.long ?? '')) add(option);
  }
  if (options.sides) {
    for (const option of perRegistry('src-', 'the source')) add(option);
    for (const option of perRegistry('dest-', 'the destination')) add(option);
  }
  add(new Option('--registries-conf <path>', 'registries.conf in place of the user’s and the system’s'));
  add(
    new Option('--max-per-host <n>', 'connections to one registry at a time (default: 16)').argParser(
      count(1, 256),
    ),
  );
  add(
    new Option('--retry-times <n>', 'tries after a request or transfer failed (default: 4)').argParser(
      count(0, 100),
    ),
  );
  return command;
}

function perRegistry(prefix: '' | 'src-' | 'dest-', whom: string): Option[] {
  return [
    new Option(
      `--${prefix}tls-verify`,
      `TLS with a trusted certificate for ${whom}, on this machine too; =false: any certificate, or plain HTTP`,
    ),
    new Option(`--no-${prefix}tls-verify`).hideHelp(),
    new Option(`--${prefix}cert-dir <path>`, `directory of *.crt, *.cert and *.key for ${whom}`),
    new Option(`--${prefix}authfile <path>`, 'credentials in place of Docker’s config.json'),
    new Option(`--${prefix}creds <user:password>`, `credentials for ${whom}`),
    new Option(`--no-${prefix}creds`, `no credentials for ${whom}`),
    new Option(`--${prefix}registry-token <token>`, `bearer token for ${whom}`),
  ];
}

/** What `addRegistryOptions` let the user say, of one end where `side` is given. USAGE for options that contradict each other. */
export function registrySettings(flags: RegistryFlags, side?: Side): RegistrySettings {
  const own = side === undefined ? {} : sideFlags(flags, side);
  const { tlsVerify, certDir, authfile, registriesConf, maxPerHost, retryTimes } = { ...flags, ...own };
  const said = (of: RegistryFlags): boolean => of.creds !== undefined || of.registryToken !== undefined;
  return {
    tlsVerify,
    certDir,
    authFile: authfile,
    credential: credentialOf(said(own) ? own : flags),
    registriesConf,
    connections: maxPerHost,
    retries: retryTimes,
  };
}

/** `srcTlsVerify` → `tlsVerify`. */
function sideFlags(flags: RegistryFlags, side: Side): RegistryFlags {
  const own = Object.entries(flags)
    .filter(([name, value]) => value !== undefined && new RegExp(`^${side}[A-Z]`).test(name))
    .map(([name, value]) => [name.charAt(side.length).toLowerCase() + name.slice(side.length + 1), value]);
  return Object.fromEntries(own) as RegistryFlags;
}

function credentialOf({ creds, registryToken }: RegistryFlags): RegistrySettings['credential'] {
  if (creds !== undefined && registryToken !== undefined) {
    throw failure('USAGE', 'use', '--registry-token', 'it does not go with --creds or --no-creds');
  }
  if (registryToken !== undefined) {
    // It becomes a header: nothing but visible ASCII.
    if (!/^[\x21-\x7e]+$/.test(registryToken))
      throw failure('USAGE', 'use', '--registry-token', 'it is no token');
    return { registryToken };
  }
  if (creds === undefined) return undefined;
  if (creds === false) return 'anonymous';
  const colon = creds.indexOf(':');
  if (colon < 1) {
    throw failure('USAGE', 'use', '--creds', 'it is not of the form USER:PASSWORD');
  }
  return { username: creds.slice(0, colon), password: creds.slice(colon + 1) };
}
