import { failure } from '../../../lib/errors.ts';
import type { FileOrigins, OpenedOrigin } from '../../ops/file-origins.ts';
import type { BuildRequest } from '../engine.ts';
import { ignoreFilter } from './ignore-filter.ts';

/** The build context, or a named one that holds files, as COPY sees it: less what its ignore file takes out. */
export async function openContext(
  { context, namedFiles }: Pick<BuildRequest, 'context' | 'namedFiles'>,
  name: string | undefined,
  origins: FileOrigins,
): Promise<OpenedOrigin> {
  const files = name === undefined ? context : namedFiles?.get(name);
  if (files === undefined)
    throw failure('NOT_FOUND', 'open context', name ?? '', 'there is none of that name');
  if (files.kind === 'opened') return files.origin;
  const include = ignoreFilter(files.ignore);
  return await origins.openDirectory(files.path, include === undefined ? {} : { include });
}
