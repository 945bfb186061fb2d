import { inspect, inspectConfig } from '../../app/inspect/inspect.ts';
import type { Inspected } from '../../app/inspect/inspected.ts';
import type { InspectOptions } from '../../app/inspect/open-root.ts';
import { type Format, formatData, formatItems } from '../format.ts';
import { writeOutput } from '../write-output.ts';
import { renderIndex } from './render-index.ts';
import { renderManifest } from './render-manifest.ts';

export function renderInspected(inspected: Inspected): string {
  return inspected.kind === 'index' ? renderIndex(inspected) : renderManifest(inspected);
}

export async function showImage(reference: string, format: Format, options: InspectOptions): Promise<void> {
  await writeOutput([formatData(await inspect(reference, options), format, renderInspected)]);
}

/** Fields of the config; its bytes are printed without all this. */
export async function showConfig(reference: string, format: Format, options: InspectOptions): Promise<void> {
  const config: unknown = JSON.parse((await inspectConfig(reference, options)).toString('utf8'));
  await writeOutput([formatData(config, format, (value) => JSON.stringify(value))]);
}

export async function showReferrers(
  reference: string,
  format: Format,
  options: InspectOptions,
): Promise<void> {
  const { inspectReferrers } = await import('../../app/inspect/inspect-referrers.ts');
  const { renderReferrers } = await import('./render-referrers.ts');
  await writeOutput([formatData(await inspectReferrers(reference, options), format, renderReferrers)]);
}

export async function showRateLimit(
  reference: string,
  format: Format,
  options: InspectOptions,
): Promise<void> {
  const { inspectRateLimit } = await import('../../app/inspect/inspect-rate-limit.ts');
  const { renderRateLimit } = await import('./render-rate-limit.ts');
  await writeOutput([formatData(await inspectRateLimit(reference, options), format, renderRateLimit)]);
}

export async function showFiles(
  reference: string,
  format: Format,
  options: InspectOptions & { path: string | undefined },
): Promise<void> {
  const { inspectFiles } = await import('../../app/inspect/inspect-files.ts');
  const { renderFile } = await import('./render-file.ts');
  const { files } = await inspectFiles(reference, options);
  await writeOutput(formatItems(files, format, renderFile));
}

export async function showDiff(
  reference: string,
  other: string,
  format: Format,
  options: InspectOptions,
): Promise<void> {
  const { diffImages } = await import('../../app/inspect/diff-images.ts');
  const { renderDiff } = await import('./render-diff.ts');
  await writeOutput([formatData(await diffImages(reference, other, options), format, renderDiff)]);
}
