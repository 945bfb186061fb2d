import type { CopySource, FileOrigin } from '../../graph/op.ts';
import { absolute, sourcePattern } from '../container-path.ts';

export interface PathSourceOptions {
  /** What has the path; undefined where that is input 1. */
  readonly origin: FileOrigin | undefined;
  /** `--parents`. Default false. */
  readonly parents?: boolean;
  /** ADD: an archive is unpacked. Default false. */
  readonly unpack?: boolean;
}

/** A path or pattern of a COPY or ADD, variables expanded. With `--parents` what is before a `/./` is left out of the destination. */
export function pathSource(path: string, options: PathSourceOptions): CopySource {
  const pivot = path.indexOf('/./');
  const common: Omit<CopySource, 'pattern'> = {
    ...(options.origin === undefined ? {} : { origin: options.origin }),
    ...(options.unpack ? { unpack: true } : {}),
  };
  if (!options.parents) return { ...common, pattern: sourcePattern(path) };
  return {
    ...common,
    pattern: pivot < 0 ? '.' : sourcePattern(path.slice(0, pivot)),
    include: absolute('/', pivot < 0 ? path : path.slice(pivot + 3)).slice(1),
  };
}
