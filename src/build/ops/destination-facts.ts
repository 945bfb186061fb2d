import { type BytePath, bytePathOf, parentOf } from '../../archive/byte-path.ts';
import type { LayeredView } from '../../archive/layered-view.ts';

/**
 * All that a COPY can learn of its target when nothing lies at or below the destination: where its links lead and what its parents are. Undefined
 * when something does: then only the whole target says what the copy makes.
 */
export function destinationFacts(view: LayeredView, destination: string): unknown[] | undefined {
  const path = view.resolve(bytePathOf(destination));
  const there = view.lookup(path);
  if (path === '' || view.hasNames(path) || (there !== undefined && there.type !== 'directory'))
    return undefined;
  const parents: unknown[] = [];
  for (let at: BytePath = path; at !== ''; at = parentOf(at)) {
    const entry = view.lookup(at);
    parents.push(
      entry === undefined
        ? null
        : {
            ...entry,
            xattrs:
              entry.xattrs && [...entry.xattrs].map(([name, value]) => [name, value.toString('base64')]),
          },
    );
  }
  return [path, parents];
}
