import { type Command, Option } from 'commander';
import type { ChangeIndexOptions } from '../../app/index/change-index.ts';
import { append } from '../option-lists.ts';
import type { RegistryFlags } from '../registry-options.ts';
import { eventWriter, type ResultFlags } from './write-result.ts';

/** `--require`, `--optional` and `--expect-digest`: what must hold for a name to be moved. */
export function withGuards(program: Command): Command {
  return program
    .option('--require <platforms>', 'move no name while one of these is missing, comma separated', append)
    .option(
      '--optional <platforms>',
      'these may be missing; others than these and the required are refused',
      append,
    )
    .option(
      '--expect-digest <digest>',
      'move the name only if it points at this, or "none": if it does not exist',
    );
}

/** `--dry-run`, `--metadata-file` and `--quiet`. */
export function withResult(program: Command): Command {
  return program
    .option('--dry-run', 'print the exact bytes that would be pushed, and push nothing')
    .option('--metadata-file <path>', 'write name, digest, size and media type there as JSON')
    .option('-q, --quiet', 'print the digest only');
}

export function typeOption(fallback: string): Option {
  return new Option('--type <type>', `media type of the index (default: ${fallback})`).choices([
    'auto',
    'oci',
    'docker',
  ]);
}

/** What every command takes that changes an index in place. */
export interface ChangeFlags extends ResultFlags, RegistryFlags {
  readonly tag?: string[];
  readonly require?: string[];
  readonly optional?: string[];
  readonly expectDigest?: string;
}

export function changeOptions(target: string, flags: ChangeFlags, signal: AbortSignal): ChangeIndexOptions {
  return {
    target,
    tags: flags.tag ?? [],
    require: flags.require ?? [],
    optional: flags.optional ?? [],
    expect: flags.expectDigest,
    dryRun: flags.dryRun,
    signal,
    onEvent: eventWriter(flags),
  };
}
