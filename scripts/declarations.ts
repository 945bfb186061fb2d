import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const checkout = join(import.meta.dirname, '..');
const source = join(checkout, 'src');

/** Writes the types of `files` (below src/), and of what they import, to `output`. */
export function writeDeclarations(files: readonly string[], output: string): void {
  execFileSync(
    join(checkout, 'node_modules/.bin/tsc'),
    [
      ...['--declaration', '--emitDeclarationOnly', '--noEmit', 'false', '--outDir', output],
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
      ...files.map((file) => join(source, file)),
    ],
    { cwd: checkout, stdio: 'inherit' },
  );
  // The compiler leaves the sources' extensions in declarations; not every compiler follows those.
  for (const file of globSync('**/*.d.ts', { cwd: output })) {
    const path = join(output, file);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/(['"]\.[^'"\n]+)\.ts(['"])/g, '$1.js$2'));
  }
}
