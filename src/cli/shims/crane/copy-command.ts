import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import type { InspectOptions } from '../../../app/inspect/open-root.ts';
import { failure } from '../../../lib/errors.ts';
import { Pool } from '../../../lib/pool.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../../../oci/reference.ts';
import { registryReference, settingsOf } from './global-flags.ts';

interface Flags {
  readonly allTags?: true;
  readonly jobs: number;
  readonly clobber: boolean;
}

export function copyCommand(command: Command, signal: AbortSignal): Command {
  return command
    .summary('copy an image from one registry to another, its digest kept')
    .argument('<src>')
    .argument('<dst>')
    .option('-a, --all-tags', 'copy all tags from SRC to DST')
    .option('-j, --jobs <n>', 'copies at a time', count, availableParallelism())
    .option('-n, --no-clobber', 'leave tags alone that DST has')
    .action(async (source: string, target: string, flags: Flags) => {
      const settings = settingsOf(command, signal);
      if (flags.allTags) await copyAll(source, target, flags, settings);
      else {
        const to = withDefaultTag(parseReference(target));
        if (!flags.clobber && to.tag !== undefined) await refuseExisting(to, settings);
        await copyOne(source, formatReference(to), settings);
      }
    });
}

function count(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a number from 1 to 999.');
}

/** With a platform its manifest alone is copied: crane makes no index of one. */
async function copyOne(source: string, target: string, settings: InspectOptions): Promise<void> {
  const { copyLocations } = await import('../../../app/copy/copy.ts');
  const { inspectDigest } = await import('../../../app/inspect/inspect.ts');
  const reference = parseReference(source);
  const { platform, registry, signal, onEvent } = settings;
  const digest =
    platform === undefined ? reference.digest : await inspectDigest(registryReference(source), settings);
  const from = digest === undefined ? reference : { ...reference, digest };
  await copyLocations(
    { transport: 'docker', reference: from },
    [{ transport: 'docker', reference: parseReference(target) }],
    {
      referrers: false,
      sourceRegistry: registry,
      targetRegistry: registry,
      signal,
      onEvent: (event) => {
        if (event.type !== 'blob') onEvent?.(event);
      },
    },
  );
}

async function copyAll(
  source: string,
  target: string,
  flags: Flags,
  settings: InspectOptions,
): Promise<void> {
  const { listTags } = await import('../../../app/tags/list-tags.ts');
  const [from, to] = [repositoryOf(source), repositoryOf(target)];
  const { tags } = await listTags(registryReference(source), settings);
  const there = flags.clobber
    ? new Set<string>()
    : await listTags(registryReference(target), settings).then(
        (found) => new Set(found.tags),
        () => new Set<string>(),
      );
  const pool = new Pool(flags.jobs);
  await Promise.all(
    tags
      .filter((tag) => !there.has(tag))
      .map((tag) =>
        pool.run(() => copyOne(formatReference({ ...from, tag }), formatReference({ ...to, tag }), settings)),
      ),
  );
}

function repositoryOf(text: string): Reference {
  const reference = parseReference(text);
  if (reference.tag === undefined && reference.digest === undefined) return reference;
  throw failure('USAGE', 'copy all tags of', text, 'it names one of them: leave the tag away');
}

async function refuseExisting(target: Reference, settings: InspectOptions): Promise<void> {
  const { tagExists } = await import('../../../app/tags/list-tags.ts');
  const name = formatReference(target);
  if (await tagExists(registryReference(name), settings)) {
    throw failure('USAGE', 'copy to', name, 'the tag exists, and --no-clobber was given');
  }
}
