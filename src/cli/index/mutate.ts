import { type Command, InvalidArgumentError } from 'commander';
import { mutateIndex } from '../../app/index/mutate-index.ts';
import type { ImageChanges } from '../../index/image/mutate-image.ts';
import { spelledPlatform } from '../../index/platform-spelling.ts';
import { failure } from '../../lib/errors.ts';
import { append, appendAll } from '../option-lists.ts';
import { addRegistryOptions, registrySettings } from '../registry-options.ts';
import { type ChangeFlags, changeOptions, withGuards, withResult } from './flags.ts';
import { writeResult } from './write-result.ts';

interface Flags extends ChangeFlags {
  readonly platform?: string[];
  readonly attestations: boolean;
  readonly label?: Record<string, string>;
  readonly removeLabel?: string[];
  readonly env?: Record<string, string>;
  readonly removeEnv?: string[];
  readonly entrypoint?: string[];
  readonly cmd?: string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly stopSignal?: string;
  readonly exposedPorts?: string[];
  readonly volume?: string[];
  readonly annotation?: Record<string, string>;
  readonly removeAnnotation?: string[];
  readonly created?: string;
  readonly author?: string;
  readonly setPlatform?: string;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Change the configs of the images that an index lists, for all platforms or some. Layers stay as they are; digests change, and attestations are re-pointed.',
    )
    .argument('<target>', 'the index')
    .option('--platform <platforms>', 'only these platforms, comma separated', append)
    .option('--label <key=value>', 'set a label', pair)
    .option('--remove-label <key>', 'take a label away', append)
    .option('-e, --env <name=value>', 'set a variable of the environment', pair)
    .option('--remove-env <name>', 'take a variable away', append)
    .option(
      '--entrypoint <words>',
      'JSON list, or words with commas between; takes the old command away',
      words,
    )
    .option('--cmd <words>', 'JSON list, or words with commas between', words)
    .option('-u, --user <user>', 'user[:group]; "" for none')
    .option('-w, --workdir <path>', 'working directory; "" for none')
    .option('--stop-signal <signal>', 'signal that asks it to end; "" for the default')
    .option('--exposed-ports <port>', 'PORT[/tcp|udp|sctp], comma separated', appendAll)
    .option('--volume <path>', 'declare a volume', append)
    .option('--annotation <key=value>', 'set an annotation of the manifests', pair)
    .option('--remove-annotation <key>', 'take an annotation away', append)
    .option('--created <time>', 'RFC 3339, or seconds since 1970: nothing in the history is later', time)
    .option('--author <text>', 'who made it')
    .option('--set-platform <platform>', 'what the one image of --platform really is for')
    .option('--no-attestations', 'leave out the SBOM and provenance of the images that change')
    .option('-t, --tag <reference>', 'one more name for the result; may be given several times', append);
  withResult(withGuards(program)).action(async (target: string, flags: Flags) => {
    const changes = changesOf(flags);
    if (Object.values(changes).every((value) => value === undefined)) {
      throw failure('USAGE', 'mutate', target, 'nothing is to be changed', {
        hint: 'polyarch index mutate --help',
      });
    }
    if (
      flags.setPlatform !== undefined &&
      (flags.platform ?? []).join(',').split(',').filter(Boolean).length !== 1
    ) {
      throw failure('USAGE', 'use --set-platform', flags.setPlatform, 'it is for one image', {
        hint: `--platform linux/amd64 --set-platform ${flags.setPlatform}`,
      });
    }
    const written = await mutateIndex({
      ...changeOptions(target, flags, context.signal),
      registry: registrySettings(flags),
      changes,
      platforms: flags.platform ?? [],
      attestations: flags.attestations,
    });
    await writeResult(written, flags);
  });
  return addRegistryOptions(program);
}

function changesOf(flags: Flags): ImageChanges {
  return {
    labels: flags.label,
    removeLabels: flags.removeLabel,
    env: flags.env,
    removeEnv: flags.removeEnv,
    entrypoint: flags.entrypoint,
    cmd: flags.cmd,
    user: flags.user,
    workingDirectory: flags.workdir,
    stopSignal: flags.stopSignal,
    exposedPorts: flags.exposedPorts,
    volumes: flags.volume,
    annotations: flags.annotation,
    removeAnnotations: flags.removeAnnotation,
    created: flags.created,
    author: flags.author,
    platform: flags.setPlatform === undefined ? undefined : spelledPlatform(flags.setPlatform),
  };
}

function pair(text: string, previous: Record<string, string> | undefined): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new InvalidArgumentError('It is not of the form KEY=VALUE.');
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/** `["sh","-c","x"]`, else crane's way: commas. */
function words(text: string): string[] {
  if (!text.startsWith('[')) return text === '' ? [] : text.split(',');
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((word) => typeof word === 'string')) return value;
  } catch {
    // Told below, as for a list of other things.
  }
  throw new InvalidArgumentError('It is not a JSON list of texts.');
}

function time(text: string): string {
  const date = new Date(/^\d{1,12}$/.test(text) ? Number(text) * 1000 : text);
  if (Number.isNaN(date.getTime())) throw new InvalidArgumentError('It is neither RFC 3339 nor a number.');
  return date.toISOString().replace('.000Z', 'Z');
}
