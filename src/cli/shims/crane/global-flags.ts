import type { Command } from 'commander';
import type { InspectOptions } from '../../../app/inspect/open-root.ts';
import { tellTransferEvent } from '../../tell-transfer-event.ts';

export interface GlobalFlags {
  readonly insecure?: true;
  readonly platform?: string;
}

/** What crane takes of an index when it wants one image and nothing is said (go-containerregistry, remote/options.go). */
const defaultPlatform = 'linux/amd64';

/** The settings that crane's global flags stand for. Without `--platform` an index is taken as a whole. */
export function settingsOf(command: Command, signal: AbortSignal): InspectOptions {
  const { insecure, platform } = command.optsWithGlobals<GlobalFlags>();
  return {
    signal,
    registry: insecure ? { tlsVerify: false } : {},
    platform: platform === 'all' ? undefined : platform,
    onEvent: (event) => tellTransferEvent(event),
  };
}

/** The same for a command that takes one image: of an index it is linux/amd64's, unless said otherwise. */
export async function imageSettings(
  command: Command,
  reference: string,
  signal: AbortSignal,
): Promise<InspectOptions> {
  const settings = settingsOf(command, signal);
  if (settings.platform !== undefined) return settings;
  const { isIndex } = await import('../../../app/inspect/inspect.ts');
  return (await isIndex(reference, settings)) ? { ...settings, platform: defaultPlatform } : settings;
}

/** crane means registries, whatever an image is called. */
export function registryReference(text: string): string {
  return `docker://${text}`;
}
