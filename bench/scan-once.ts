import { ignoreFilter } from '../src/build/engines/local/ignore-filter.ts';
import { FoundFiles } from '../src/build/ops/found-files.ts';
import { ContextHasher } from '../src/build/snapshot/copy/context-hasher.ts';
import { RootedTree } from '../src/build/snapshot/copy/rooted-tree.ts';
import { selectSources } from '../src/build/snapshot/copy/select-sources.ts';

/** Scans a context as `COPY . .` does, with what an earlier scan remembered; prints the milliseconds and how many files were read. */
const [context = '', remembered = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const started = performance.now();
const include = ignoreFilter('**/node_modules\n*.log\n.git\n');
const tree = new RootedTree(context, include === undefined ? {} : { include });
const hasher = new ContextHasher(remembered, tree.root);
const selection = selectSources(tree, [{ pattern: '.' }], { owners: 'zero', signal });
const { hash, learn } = hasher;
const found = new FoundFiles([{ selection, origin: { tree, owners: 'zero', hash, learn, seen: hasher } }]);
const digest = await found.digest({ signal });
const milliseconds = performance.now() - started;
await hasher.save();
process.stdout.write(JSON.stringify({ milliseconds, read: hasher.misses, digest }));
