import { makeCopyFixture, pushIndex } from './copy-fixture.ts';
import { type Contender, compare } from './harness.ts';
import { bundle, findPeer, ownNode, runSync } from './programs.ts';
import type { Comparison } from './report.ts';

/** Looks at an index of six platforms in a registry: its bytes, and what it holds. */
export async function inspect(options: {
  rounds?: number;
  onRound: (line: string) => void;
}): Promise<Comparison[]> {
  const fixture = await makeCopyFixture();
  try {
    await pushIndex(fixture, 6);
    const from = `${fixture.source.host}/index:1`;
    const ours = (...args: string[]): void => runSync(ownNode, [bundle, 'inspect', ...args, from]);
    const floor = { name: 'node -e 0', run: () => runSync(ownNode, ['-e', '0']) };
    const raw: Contender[] = [{ name: 'polyarch inspect --raw', run: () => ours('--raw') }];
    // skopeo inspect without --raw reads one platform's config and every tag: the nearest that it has.
    const whole: Contender[] = [{ name: 'polyarch inspect', run: () => ours() }];
    const missing: string[] = [];
    const skopeo = findPeer('skopeo', { elf: true });
    if (skopeo === undefined) missing.push('skopeo: not installed');
    else {
      const args = ['--tls-verify=false', `docker://${from}`];
      raw.push({ name: 'skopeo inspect --raw', run: () => runSync(skopeo, ['inspect', '--raw', ...args]) });
      whole.push({ name: 'skopeo inspect', run: () => runSync(skopeo, ['inspect', ...args]) });
    }
    const crane = findPeer('crane', { elf: true });
    if (crane === undefined) missing.push('crane: not installed');
    else raw.push({ name: 'crane manifest', run: () => runSync(crane, ['manifest', '--insecure', from]) });
    const run = (contenders: Contender[]) =>
      compare([...contenders, floor], { rounds: options.rounds ?? 15, warmUp: 2, onRound: options.onRound });
    return [
      { title: 'inspect --raw', measurements: await run(raw), missing },
      { title: 'inspect', measurements: await run(whole), missing: [] },
    ];
  } finally {
    await fixture.close();
  }
}
