import type { BytePath } from '../../../archive/byte-path.ts';
import type { TocEntry } from '../../../archive/toc.ts';

/** The tree that a COPY or WORKDIR adds to, as far as its planning needs it: a LayeredView is one. */
export interface TargetView {
  /** What is at `path` itself: links of its parents are not followed. */
  lookup(path: BytePath): TocEntry | undefined;
  /** `path` with every link followed, the last one too, the root being `/`; what does not exist stays as named. */
  resolve(path: BytePath): BytePath;
}
