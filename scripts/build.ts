import { copyFileSync, globSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, entryName } from './bundle.ts';
import { writeDeclarations } from './declarations.ts';

const checkout = join(import.meta.dirname, '..');
const source = join(checkout, 'src');
const output = join(checkout, 'dist');

/** Name of an output → its source, for every public subpath; `exports` of package.json has the same (test/exports.test.ts). */
const subpaths: Readonly<Record<string, string>> = Object.fromEntries(
  globSync('**/index.ts', { cwd: source }).map((file) => [entryName(file), file]),
);

rmSync(output, { recursive: true, force: true });
await bundle({ entries: subpaths, format: 'esm', directory: output });
await bundle({
  entries: { main: 'cli/main.ts' },
  format: 'cjs',
  directory: join(output, 'cli'),
  shared: [
    { name: 'start', roots: ['cli/main.ts'] },
    {
      name: 'help',
      modules: ['node_modules/commander/lib/help.js', 'node_modules/commander/lib/suggestSimilar.js'],
    },
    {
      name: 'authentication',
      modules: [
        'registry/client/auth/challenge.ts',
        'registry/client/auth/realm.ts',
        'registry/client/auth/token-source.ts',
      ],
    },
    {
      name: 'blobs',
      modules: [
        'lib/atomic-file.ts',
        'lib/process-identity.ts',
        'registry/client/byte-range.ts',
        'registry/client/resuming-download.ts',
        'registry/client/uploads/upload-session.ts',
      ],
    },
    {
      name: 'lists',
      modules: [
        'content/referrer-descriptor.ts',
        'oci/referrers-tag.ts',
        'registry/client/next-page.ts',
        'registry/client/rate-limit.ts',
        'registry/client/referrers.ts',
        'registry/client/tag-list.ts',
        'registry/client/untag.ts',
      ],
    },
    { name: 'http', modules: ['lib/node-http.ts'] },
    { name: 'mirrors', modules: ['registry/client/mirrors/mirrored-store.ts'] },
    {
      name: 'images',
      modules: [
        'app/choose-entry.ts',
        'content/parse-image-config.ts',
        'content/select-manifest.ts',
        'oci/match-platforms.ts',
        'oci/platform.ts',
      ],
    },
    {
      name: 'command',
      roots: [
        'cli/execute.ts',
        'cli/format.ts',
        'cli/option-lists.ts',
        'cli/registry-options.ts',
        'cli/tell-transfer-event.ts',
        'cli/write-metadata.ts',
        'oci/platform-list.ts',
        'app/stores.ts',
        'content/select-manifest.ts',
        'registry/client/registry-client.ts',
        'registry/client/auth/docker-config.ts',
        'registry/client/mirrors/load-registries-conf.ts',
      ],
    },
    {
      name: 'transfer',
      roots: [
        'app/copy/copy-between.ts',
        'transfer/copy-graph.ts',
        'transfer/copy-referrers.ts',
        'app/open-target.ts',
        'app/check-target.ts',
        'app/copy/copy-counts.ts',
        'cli/counted.ts',
      ],
    },
    {
      name: 'steps',
      modules: [
        'archive/merged-view.ts',
        'build/cache/journal/describe-op.ts',
        'build/cache/journal/file-lists.ts',
        'build/cache/journal/journal.ts',
        'build/cache/remote/inline-records.ts',
        'build/cache/remote/records-document.ts',
        'build/engines/local/step-failure.ts',
        'build/ops/destination-facts.ts',
        'build/ops/layer-file.ts',
        'build/ops/output-tail.ts',
        'build/ops/owner-lookup.ts',
        'build/ops/step-mounts.ts',
        'build/ops/write-journal.ts',
        'build/sandbox/accounts.ts',
        'build/sandbox/explain-failure.ts',
        'build/sandbox/rooted-path.ts',
        'build/snapshot/copy/digest-records.ts',
        'build/snapshot/copy/single-file-tree.ts',
        'content/layout/hashing-file.ts',
        'content/layout/names-in.ts',
        'content/layout/prune-blobs.ts',
        'content/layout/store-failure.ts',
      ],
    },
    { name: 'copy', roots: ['cli/copy.ts', 'app/copy/copy.ts'] },
    { name: 'inspect', roots: ['cli/inspect.ts', 'app/inspect/inspect.ts'] },
    { name: 'index', roots: ['cli/index/create.ts', 'content/memory-store.ts'] },
    { name: 'build', roots: ['cli/build.ts', 'content/layout/layout-store.ts'] },
  ],
});
writeDeclarations(Object.values(subpaths), join(output, 'types'));

mkdirSync(join(output, 'licenses'));
for (const name of ['commander', 'semver', 'smol-toml', 'yaml']) {
  copyFileSync(join(checkout, `node_modules/${name}/LICENSE`), join(output, `licenses/${name}.txt`));
}
const files = globSync('**/*.{js,cjs}', { cwd: output });
process.stdout.write(`dist: ${files.length} files, ${Object.keys(subpaths).length} subpaths\n`);
