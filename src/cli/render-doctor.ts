import type { DoctorReport } from '../app/doctor/doctor.ts';
import { table } from './table.ts';

export function renderDoctor({ machine, tiers, chosen, platforms, limits }: DoctorReport): string {
  const notes = tiers.flatMap(({ tier, reason, hint, losses, trees }) => [
    ...(reason === undefined ? [] : [`${tier}: ${reason}`]),
    ...(hint === undefined ? [] : [`${tier}: mend it with: ${hint}`]),
    ...losses.map((loss) => `${tier}: ${loss}`),
    ...(trees?.rejected ?? []).map(({ snapshotter, reason: why }) => `${tier}: no ${snapshotter}: ${why}`),
  ]);
  return [
    `${machine.platform}, Linux ${machine.kernel}, user ${machine.user}\n\n`,
    table(
      [{ title: 'SANDBOX' }, { title: 'WORKS' }, { title: 'TREES' }, { title: '' }],
      tiers.map(({ tier, works, onlyWhenNamed, trees }) => [
        tier,
        onlyWhenNamed ? `by --sandbox ${tier}` : works ? 'yes' : 'no',
        trees?.snapshotter ?? '',
        tier === chosen ? 'taken by builds' : '',
      ]),
    ),
    notes.length === 0 ? '' : `\n${notes.map((note) => `${note}\n`).join('')}`,
    '\n',
    table(
      [{ title: 'PLATFORM' }, { title: 'HOW' }, { title: 'EMULATOR' }, { title: 'MEND IT WITH' }],
      platforms.map(({ platform, how, emulator = '', hint = '' }) => [platform, how, emulator, hint]),
    ),
    '\n',
    table(
      [{ title: 'MACHINE' }, { title: 'VALUE' }, { title: 'MEND IT WITH' }],
      limits.map(({ name, value, hint = '' }) => [name, value, hint]),
    ),
  ].join('');
}
