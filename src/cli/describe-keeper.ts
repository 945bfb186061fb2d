import type { BuildEvent } from '../app/build.ts';

/** What somebody should know of the sandbox that steps run in, a line each; none when there is nothing unusual. */
export function describeKeeper(event: Extract<BuildEvent, { type: 'keeper-started' }>): string[] {
  const { tier, losses, trees, rejected, emulated } = event;
  return [
    ...rejected.map(({ reason, tier: other }) =>
      other === tier
        ? `warning: sandbox ${tier} works in part here: ${reason}`
        : `warning: sandbox ${other} does not work here: ${reason}`,
    ),
    ...trees.rejected.map(
      ({ snapshotter, reason }) =>
        `warning: ${snapshotter} does not work in this data directory, trees are made by ${trees.snapshotter}: ${reason}`,
    ),
    ...losses.map((loss) => `warning: sandbox ${tier}: ${loss}`),
    ...emulated.map(
      (platform) => `warning: ${platform} is emulated: its RUN steps are slower than native ones`,
    ),
  ];
}
