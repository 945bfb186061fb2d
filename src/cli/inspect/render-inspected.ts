import type { Inspected } from '../../app/inspect/inspected.ts';
import { renderIndex } from './render-index.ts';
import { renderManifest } from './render-manifest.ts';

export function renderInspected(inspected: Inspected): string {
  return inspected.kind === 'index' ? renderIndex(inspected) : renderManifest(inspected);
}
