import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const checkout = join(import.meta.dirname, '..');
const source = join(checkout, 'src');
const output = join(checkout, 'dist');

/** Name of an output → its source, for every public subpath; `exports` of package.json has the same (test/exports.test.ts). */
const subpaths: Readonly<Record<string, string>> = Object.fromEntries(
  globSync('**/index.ts', { cwd: source }).map((file) => [entryName(file), file]),
);

/** `registry/client/index.ts` → `registry-client`; every output lies in one directory, flat. */
function entryName(file: string): string {
  return file === 'index.ts' ? 'polyarch' : file.replace(/(\/index)?\.ts$/, '').replaceAll('/', '-');
}

/** How sources name a file that is started as a program or worker of its own. */
const started = /(new URL\(|import\.meta\.resolve\(|import\.meta\.dirname,)(\s*)'(\.?[^']+\.ts)'/g;

function startedFiles(): string[] {
  return globSync('**/*.ts', { cwd: source, exclude: ['**/*.test.ts', '**/*.suite.ts'] }).flatMap((file) => {
    const text = readFileSync(join(source, file), 'utf8');
    if (/import\.meta\.(?!main\b)/.test(text.replace(started, '').replaceAll(', import.meta.url)', ''))) {
      throw new Error(`Cannot bundle "${file}": its import.meta is in no form that the bundle can keep`);
    }
    return [...text.matchAll(started)].map((match) =>
      relative(source, resolve(source, dirname(file), match[3] ?? '')),
    );
  });
}

/** Points such references at the outputs. */
const startedFilesPlugin: Plugin = {
  name: 'started-files',
  setup(bundler) {
    bundler.onLoad({ filter: /\/src\/.*\.ts$/ }, (args) => {
      const contents = readFileSync(args.path, 'utf8').replace(started, (_all, call, space, file) => {
        const target = entryName(relative(source, resolve(dirname(args.path), file)));
        return `${call}${space}'./${target}.js'`;
      });
      return { contents, loader: 'ts' };
    });
  },
};

rmSync(output, { recursive: true, force: true });
const entries = { main: 'cli/main.ts', ...subpaths };
await build({
  entryPoints: Object.fromEntries([
    ...Object.entries(entries).map(([name, file]) => [name, join(source, file)]),
    ...startedFiles().map((file) => [entryName(file), join(source, file)]),
  ]),
  outdir: output,
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24.5',
  minifySyntax: true,
  minifyWhitespace: true,
  external: ['koffi'],
  plugins: [startedFilesPlugin],
  logLevel: 'warning',
});

execFileSync(
  join(checkout, 'node_modules/.bin/tsc'),
  [
    ...['--declaration', '--emitDeclarationOnly', '--noEmit', 'false', '--outDir', join(output, 'types')],
    ...[
      '--rootDir',
      source,
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--lib',
      'es2024,esnext.disposable',
    ],
    ...['--types', 'node', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck'],
    ...['--rewriteRelativeImportExtensions', '--ignoreConfig'],
    ...Object.values(subpaths).map((file) => join(source, file)),
  ],
  { cwd: checkout, stdio: 'inherit' },
);

// The compiler leaves the sources' extensions in declarations; not every compiler follows those.
for (const file of globSync('types/**/*.d.ts', { cwd: output })) {
  const path = join(output, file);
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/(['"]\.[^'"\n]+)\.ts(['"])/g, '$1.js$2'));
}

mkdirSync(join(output, 'licenses'));
for (const name of ['commander', 'semver', 'smol-toml', 'yaml']) {
  copyFileSync(join(checkout, `node_modules/${name}/LICENSE`), join(output, `licenses/${name}.txt`));
}
const files = globSync('*.js', { cwd: output });
process.stdout.write(`dist: ${files.length} files, ${Object.keys(subpaths).length} subpaths\n`);
