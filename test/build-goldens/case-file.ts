import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { splitQuoted } from '../../src/build/dockerfile/words.ts';
import type { Call } from './call-answer.ts';

/** A file that a case brings along: `-- NAME -- `, in the form of Go's txtar with a mode or a link target behind the name. */
interface Section {
  readonly name: string;
  /** `mode=755`, `-> target` (symbolic link) or `= other` (hard link). */
  readonly more: string;
  readonly text: string;
}

/**
 * One build: a Dockerfile, the files of its context, and the options of the build. The format is in test/goldens/build/README.md.
 */
export interface GoldenCase {
  /** `group/name`. */
  readonly id: string;
  /** Options of `docker buildx build` and `polyarch build`, which have the same names. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The version of docker/dockerfile that the peer reads the file with. Default: what the daemon has built in. */
  readonly frontend: string | undefined;
  /** What is given as the context. Default: the case's directory. */
  readonly context: string | undefined;
  /** A file of the case's directory that is the build's standard input. */
  readonly stdin: string | undefined;
  /** Base images that the case brings along: name → Dockerfile. */
  readonly images: ReadonlyMap<string, string>;
  /** A shell script that is run in the context's directory. */
  readonly setup: string;
  readonly files: readonly Section[];
  /** Files that a server on this machine has: `{{http}}` in the case is its address. */
  readonly served: readonly Section[];
  /** `--call` with this method, in place of a build: what is printed as JSON is compared. */
  readonly call: Call | undefined;
  /** Why ours and the peer's results may differ; the known difference is recorded. */
  readonly deviation: string | undefined;
}

export const goldensDirectory = join(import.meta.dirname, '../goldens/build');

const marker = /^-- (\S+)(?: (.*?))? ?--$/;

export function parseCase(id: string, text: string): GoldenCase {
  const head: string[] = [];
  const sections: { name: string; more: string; lines: string[] }[] = [];
  for (const line of text.split('\n')) {
    const match = marker.exec(line);
    if (match !== null) sections.push({ name: match[1] ?? '', more: match[2] ?? '', lines: [] });
    else (sections.at(-1)?.lines ?? head).push(line);
  }
  // The last line ends with a line ending: what split() finds behind it is none.
  sections.at(-1)?.lines.pop();
  const all = sections.map(({ name, more, lines }) => ({
    name,
    more,
    text: lines.map((line) => `${line}\n`).join(''),
  }));
  const field = (name: string) =>
    head.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  const named = (name: string) => all.filter((section) => section.name === name);
  const isFile = ({ name }: Section) => !['image', 'setup'].includes(name) && !name.startsWith('http/');
  return {
    id,
    args: field('args').flatMap((line) =>
      splitQuoted(line, '\\').map(({ text: word }) => word.replace(/["']/g, '')),
    ),
    env: Object.fromEntries(
      field('env').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    ),
    images: new Map(named('image').map(({ more, text: dockerfile }) => [more, dockerfile])),
    setup: named('setup')
      .map((section) => section.text)
      .join(''),
    files: all.filter(isFile),
    served: all
      .filter(({ name }) => name.startsWith('http/'))
      .map((section) => ({ ...section, name: section.name.slice(5) })),
    frontend: field('frontend')[0],
    context: field('context')[0],
    stdin: field('stdin')[0],
    call: callOf(id, field('call')[0]),
    deviation: field('deviation')[0],
  };
}

function callOf(id: string, method: string | undefined): Call | undefined {
  if (method === undefined || method === 'check' || method === 'outline' || method === 'targets')
    return method;
  throw new Error(`${id}: there is no call ${method}`);
}

/** Fills in where the case's directory is, and where a server has its files. */
export function filledIn(word: string, golden: GoldenCase, directory: string, address: string): string {
  return word
    .replaceAll('{{files}}', `${address}/contexts/${golden.id}`)
    .replaceAll('{{http}}', address)
    .replaceAll('{{context}}', directory);
}

/** All cases, or those whose `group/name` begins with one of `prefixes`. */
export function readCases(prefixes: readonly string[] = []): GoldenCase[] {
  return readdirSync(goldensDirectory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.txtar'))
    .map((path) => ({ path, id: join(dirname(path), basename(path, '.txtar')) }))
    .filter(({ id }) => prefixes.length === 0 || prefixes.some((prefix) => id.startsWith(prefix)))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ path, id }) => parseCase(id, readFileSync(join(goldensDirectory, path), 'utf8')));
}

/** Writes sections as files. `{{http}}` becomes the address; a last line `\` takes the line ending off. */
export function writeSections(directory: string, sections: readonly Section[], address = ''): void {
  for (const { name, more, text } of sections) {
    const path = join(directory, name);
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true, mode: 0o755 });
    const mode = /\bmode=([0-7]+)/.exec(more)?.[1];
    if (more.startsWith('-> ')) symlinkSync(more.slice(3), path);
    else if (more.startsWith('= ')) linkSync(join(directory, more.slice(2)), path);
    else if (!name.endsWith('/')) {
      writeFileSync(
        path,
        text
          .replaceAll('{{http}}', address)
          .replace(/\n?\\\n$/, '')
          .replaceAll('\\r\n', '\r\n'),
        { mode: 0o644 },
      );
    }
    if (mode !== undefined) chmodSync(path, Number.parseInt(mode, 8));
  }
}

/** Makes a case's context. */
export function writeContext(directory: string, golden: GoldenCase, address: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const umask = process.umask(0o022);
  try {
    writeSections(directory, golden.files, address);
    if (golden.setup !== '') execFileSync('sh', ['-ec', golden.setup], { cwd: directory, stdio: 'inherit' });
  } finally {
    process.umask(umask);
  }
}
