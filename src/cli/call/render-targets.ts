import type { Target } from '../../app/check-build.ts';
import { table } from '../table.ts';
import { jsonLocation, jsonSources } from './location.ts';

/** The fields of buildx's `--call targets,format=json`. */
export function targetsJson({
  targets,
  text,
}: {
  readonly targets: readonly Target[];
  readonly text: string;
}) {
  return {
    targets: targets.map(({ name, description, isDefault, base, platform, range }) => ({
      ...(name === undefined ? {} : { name }),
      ...(isDefault ? { default: true } : {}),
      ...(description === undefined ? {} : { description }),
      base,
      ...(platform === undefined ? {} : { platform }),
      location: jsonLocation(range),
    })),
    sources: jsonSources(text),
  };
}

export function renderTargets(targets: readonly Target[]): string {
  const rows = targets.flatMap(({ name, description = '', isDefault }) =>
    name === undefined && !isDefault
      ? []
      : [[`${name ?? ''}${isDefault ? `${name === undefined ? '' : ' '}(default)` : ''}`, description]],
  );
  return table([{ title: 'TARGET' }, { title: 'DESCRIPTION' }], rows);
}
