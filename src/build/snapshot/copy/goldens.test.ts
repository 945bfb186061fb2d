import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { MergedView } from '../../../archive/merged-view.ts';
import type { Toc } from '../../../archive/toc.ts';
import { isFailure } from '../../../lib/errors.ts';
import { parseFileMode } from '../../../lib/file-mode.ts';
import { Accounts } from '../../sandbox/accounts.ts';
import type { CopyPlan } from './copy-plan.ts';
import { type PlaceOptions, placeSelection } from './place-selection.ts';
import { RootedTree } from './rooted-tree.ts';
import { selectSources } from './select-sources.ts';

/** `FROM scratch`, `COPY base /`, then the case's COPY, built by the peer: the tree that came out, or that it refused. */
interface Goldens {
  readonly peer: string;
  /** path, kind, octal mode, then a file's text or a link's target. */
  readonly context: readonly (readonly [string, string, string, string?])[];
  readonly cases: Readonly<Record<string, GoldenCase>>;
}

interface GoldenCase {
  readonly sources: readonly string[];
  readonly destination: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly error?: string;
  /** path, kind, octal mode, `uid:gid`, then a file's size or a link's target. */
  readonly tree?: readonly (readonly string[])[];
}

const file = join(import.meta.dirname, '../../../../test/goldens/copy/cases.json');
const goldens = JSON.parse(readFileSync(file, 'utf8')) as Goldens;
const signal = new AbortController().signal;
const noAccounts = new Accounts('', '');

function tocOf(plan: CopyPlan): Toc {
  return { entries: plan.entries.map(({ header }) => header), whiteouts: [], opaque: [] };
}

function listing(view: MergedView, directory = ''): string[][] {
  return view.readdir(directory).flatMap((name) => {
    const path = directory === '' ? name : `${directory}/${name}`;
    const entry = view.lookup(path);
    assert.ok(entry);
    const { type, mode, uid, gid, size, linkname } = entry;
    const last = linkname === undefined ? (type === 'file' ? [String(size)] : []) : [linkname];
    const row = [path, type, mode.toString(8), `${uid}:${gid}`, ...last];
    return type === 'directory' ? [row, ...listing(view, path)] : [row];
  });
}

describe(`a COPY makes the tree that ${goldens.peer} makes`, () => {
  let root = '';
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'polyarch-copy-goldens-'));
    for (const [name, kind, mode, more = ''] of goldens.context) {
      const path = join(root, name);
      if (kind === 'directory') mkdirSync(path);
      else if (kind === 'symlink') symlinkSync(more, path);
      else if (kind === 'hardlink') linkSync(join(root, more), path);
      else writeFileSync(path, more);
      if (kind !== 'symlink') chmodSync(path, Number.parseInt(mode, 8));
    }
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const copy = async (
    layers: readonly Toc[],
    sources: readonly string[],
    options: Omit<PlaceOptions, 'now'>,
  ) => {
    const selection = selectSources(new RootedTree(root), sources, { owners: 'zero', signal });
    return tocOf(await placeSelection(selection, new MergedView(layers), { ...options, now: 9 }));
  };

  for (const [name, golden] of Object.entries(goldens.cases)) {
    test(name, async () => {
      const options = {
        destination: golden.destination,
        owner: golden.chown === undefined ? undefined : noAccounts.owner(golden.chown),
        mode: golden.chmod === undefined ? undefined : parseFileMode(golden.chmod),
      };
      const base = await copy([], ['base'], { destination: '/' });
      if (golden.tree === undefined) {
        await assert.rejects(copy([base], golden.sources, options), (error) =>
          isFailure(error, 'STEP_FAILED'),
        );
        return;
      }
      const found = listing(new MergedView([base, await copy([base], golden.sources, options)]));
      const byPath = (a: readonly string[], b: readonly string[]) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1);
      assert.deepEqual(found.sort(byPath), [...golden.tree].sort(byPath));
    });
  }
});
