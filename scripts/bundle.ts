import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { type ChunkingContext, type OutputOptions, type Plugin, rolldown } from 'rolldown';

const source = resolve(import.meta.dirname, '../src');

/** `registry/client/index.ts` → `registry-client`; every output lies in one directory, flat. */
export function entryName(file: string): string {
  return file === 'index.ts' ? 'polyarch' : file.replace(/(\/index)?\.ts$/, '').replaceAll('/', '-');
}

/** How sources name a file that is started as a program or worker of its own. */
const started = /(new URL\()(\s*)'(\.?[^']+\.ts)'/g;

/** Files that sources start as a program or worker, below src/. */
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

/** Points such references at the outputs beside. */
function startedFilesPlugin(extension: string): Plugin {
  return {
    name: 'started-files',
    transform: {
      filter: { id: /\/src\/.*\.ts$/ },
      handler: (code, id) =>
        code.replace(started, (_all, call, space, file) => {
          const target = entryName(relative(source, resolve(dirname(id), file)));
          return `${call}${space}'./${target}${extension}'`;
        }),
    },
  };
}

/**
 * A chunk for `modules` alone (below src/, or in node_modules/), or for what `roots` import statically, themselves included. Chunks that hold only what
 * the very same entries share are small and many, and each costs a start about a millisecond; what a usual command never calls costs it its compilation.
 */
export interface SharedChunk {
  readonly name: string;
  readonly modules?: readonly string[];
  readonly roots?: readonly string[];
}

/** A module goes to the first chunk that wants it. None wants an entry: to load another's entry is to run it. */
function sharedChunks(
  entries: readonly string[],
  chunks: readonly SharedChunk[],
): (id: string, context: ChunkingContext) => string | null {
  let names: Map<string, string | null> | undefined;
  return (id, context) => {
    if (names === undefined) {
      names = new Map(entries.map((file) => [join(source, file), null]));
      for (const { name, modules = [], roots = [] } of chunks)
        for (const module of [...modules.map(pathOf), ...closure(roots, context)])
          if (!names.has(module)) names.set(module, name);
    }
    return names.get(id) ?? null;
  };
}

function pathOf(file: string): string {
  return join(file.startsWith('node_modules/') ? dirname(source) : source, file);
}

/** The ids of `roots` (below src/) and of all that they import statically. */
function closure(roots: readonly string[], context: ChunkingContext): Set<string> {
  const found = new Set(roots.map((file) => join(source, file)));
  for (const id of found) {
    const module = context.getModuleInfo(id);
    if (module === null) throw new Error(`Cannot bundle "${id}": nothing imports it`);
    for (const imported of module.importedIds) if (!imported.startsWith('node:')) found.add(imported);
  }
  return found;
}

/**
 * Other chunks and Node's own modules, as CommonJS requires them: each is loaded when something of it is first used, so that a command pays for what it does
 * and not for what its chunks import. (Commander imports child_process for what is never used here: 4 ms.) A default import needs no copy of the module,
 * which the bundler's helper makes property by property: what inherits from it shows the same names.
 * Fails when the bundler writes such imports in another form than is replaced here: nothing else would tell, and each start would be slower.
 */
function lazyRequiresPlugin(): Plugin {
  const required =
    /^(?:let|const) (node_\w+|require_(?!rolldown_runtime\b)[\w$]+) = require\("(node:[\w/]+|\.\/[^"]+)"\);$/gm;
  const copied = /^(node_\w+) = [\w$.]+\(\1, 1\);$/gm;
  let replaced = 0;
  return {
    name: 'lazy-requires',
    renderChunk: (code) => {
      const copies = new Set(Array.from(code.matchAll(copied), ([, name]) => name));
      const modules = new Map(Array.from(code.matchAll(required), ([, name = '', module]) => [name, module]));
      if (modules.size === 0) return code;
      replaced += copies.size;
      const names = [...modules.keys()].map((name) => name.replaceAll('$', '\\$'));
      const any = `(?:${names.join('|')})(?![\\w$])`;
      const rest = code
        .replace(copied, '')
        .replace(required, '')
        .replace(new RegExp(`(?<![\\w$]|(?<!\\.\\.)\\.)${any}`, 'g'), '($&())');
      const odd = new RegExp(
        `(?:= require\\("node:|\\(${any}\\(\\)\\) =(?!=)|\\(\\(node_\\w+\\(\\)\\), 1\\)|(?<![\\w$])${any}(?!\\(\\))).*`,
      ).exec(rest);
      if (odd !== null)
        throw new Error(
          `Cannot bundle "${odd[0]}": it takes a chunk or one of Node's modules in another way`,
        );
      const loaders = Array.from(modules, ([name, module]) => {
        const value = `require("${module}")`;
        const shown = copies.has(name) ? `((it) => ({ __proto__: it, default: it }))(${value})` : value;
        return `let ${name}_; const ${name} = () => ${name}_ ??= ${shown};`;
      });
      return `${loaders.join('\n')}\n${rest}`;
    },
    generateBundle: () => {
      if (replaced === 0)
        throw new Error('Cannot bundle "node:*": no default import of Node’s modules was found');
    },
  };
}

/**
 * Writes what is not ASCII as escapes. One such character in a chunk makes V8 keep and scan all of it as two bytes a character: 3 ms of a start.
 * Fails on what reads its characters raw.
 */
function asciiPlugin(): Plugin {
  return {
    name: 'ascii',
    generateBundle: (_options, output) => {
      for (const chunk of Object.values(output)) {
        if (chunk.type !== 'chunk') continue;
        if (/String\.raw`[^`]*[^\0-\x7f]/.test(chunk.code))
          throw new Error(`Cannot bundle "${chunk.fileName}": raw text that is not ASCII`);
        chunk.code = chunk.code.replace(
          /[^\0-\x7f]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
      }
    },
  };
}

/**
 * Writes one bundle: `entries` (name → file below src/), and what they start as programs or workers, with the chunks that they share.
 *
 * - `format`: ES modules for who imports; CommonJS for programs, which start 20 to 40 ms sooner: Node's own modules then need no namespaces,
 *   and a file is found, read and linked in half the time.
 */
export async function bundle(options: {
  readonly entries: Readonly<Record<string, string>>;
  readonly format: 'esm' | 'cjs';
  readonly directory: string;
  readonly shared?: readonly SharedChunk[];
}): Promise<void> {
  const extension = options.format === 'esm' ? '.js' : '.cjs';
  const inputs = {
    ...options.entries,
    ...Object.fromEntries(startedFiles().map((file) => [entryName(file), file])),
  };
  await using bundler = await rolldown({
    input: Object.fromEntries(Object.entries(inputs).map(([name, file]) => [name, join(source, file)])),
    platform: 'node',
    preserveEntrySignatures: 'allow-extension',
    external: ['koffi'],
    plugins: [
      startedFilesPlugin(extension),
      ...(options.format === 'cjs' ? [lazyRequiresPlugin(), asciiPlugin()] : []),
    ],
    onLog: (_level, log) => {
      // What one command loads at once another may load when needed.
      if (log.code === 'INEFFECTIVE_DYNAMIC_IMPORT') return;
      throw new Error(`Cannot bundle "${log.id ?? options.directory}": ${log.message}`);
    },
  });
  const output: OutputOptions = {
    dir: options.directory,
    format: options.format,
    entryFileNames: `[name]${extension}`,
    chunkFileNames: `[name]-[hash]${extension}`,
    minify: { compress: true, mangle: true, codegen: { removeWhitespace: true } },
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ name: sharedChunks(Object.values(inputs), options.shared ?? []), debugName: 'shared' }],
    },
  };
  await bundler.write(output);
}
