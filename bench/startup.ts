import { type Contender, compare } from './harness.ts';
import { bundle, findPeer, ownNode, polyarch, runSync } from './programs.ts';
import type { Comparison } from './report.ts';

/** `--version`: the floor under every command. */
export async function startup(options: {
  rounds?: number;
  onRound: (line: string) => void;
}): Promise<Comparison[]> {
  const missing: string[] = [];
  const contenders: Contender[] = [
    { name: 'polyarch --version (checkout)', run: () => runSync(polyarch, ['--version']) },
    { name: 'polyarch --version (bundle)', run: () => runSync(ownNode, [bundle, '--version']) },
    { name: 'node -e 0', run: () => runSync(ownNode, ['-e', '0']) },
  ];
  const skopeo = findPeer('skopeo', { elf: true });
  if (skopeo) contenders.push({ name: 'skopeo --version', run: () => runSync(skopeo, ['--version']) });
  else missing.push('skopeo --version: not installed');
  const measurements = await compare(contenders, {
    rounds: options.rounds ?? 20,
    warmUp: 3,
    onRound: options.onRound,
  });
  return [{ title: 'startup', measurements, missing }];
}
