import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LayoutStore } from '../../src/content/layout/layout-store.ts';
import { runProgram, succeed } from '../fixtures/run-program.ts';
import { steadyAnswer } from './call-answer.ts';
import { filledIn, type GoldenCase } from './case-file.ts';
import { imageFacts } from './image-facts.ts';
import { lineOfExcerpt, type Outcome, steady, steadyImages } from './outcome.ts';

interface Metadata {
  readonly 'buildx.build.warnings'?: readonly {
    readonly short: string;
    readonly range?: readonly { readonly start: { readonly line: number } }[];
  }[];
}

/** The peer's name and version. */
export async function peerVersion(): Promise<string> {
  const { stdout } = await succeed(['docker', 'version', '--format', '{{.Server.Version}}']);
  const buildx = (await succeed(['docker', 'buildx', 'version'])).stdout.split(' ')[1];
  return `dockerd ${stdout.trim().split('+')[0]}, its BuildKit, buildx ${buildx?.split('+')[0]}`;
}

/** Gives the peer an image that lies in an OCI layout. */
export async function loadIntoPeer(layout: string, name: string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-golden-load-'));
  try {
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: object[] };
    const annotations = { 'io.containerd.image.name': `docker.io/${name}:latest` };
    const manifests = index.manifests.map((entry) => ({ ...entry, annotations }));
    writeFileSync(join(scratch, 'index.json'), JSON.stringify({ ...index, manifests }));
    const archive = join(scratch, 'image.tar');
    await succeed(['tar', '-cf', archive, '-C', layout, 'blobs', 'oci-layout', '-C', scratch, 'index.json']);
    await succeed(['docker', 'load', '-i', archive]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Builds a case with docker's BuildKit. */
export async function peerBuild(
  directory: string,
  golden: GoldenCase,
  options: {
    readonly base: Parameters<typeof imageFacts>[2];
    readonly address: string;
    /** Where the images of docker/dockerfile are. */
    readonly frontends: string;
  },
): Promise<Outcome> {
  const { base, address, frontends } = options;
  const syntax = `BUILDKIT_SYNTAX=${frontends}:${golden.frontend}`;
  const frontend = golden.frontend === undefined ? [] : ['--build-arg', syntax];
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-golden-peer-'));
  const env = { ...process.env, ...golden.env, BUILDX_METADATA_WARNINGS: 'true' };
  try {
    for (const [name, dockerfile] of golden.images) {
      mkdirSync(join(scratch, 'image'), { recursive: true });
      writeFileSync(join(scratch, 'image/Dockerfile'), dockerfile);
      await succeed(
        [
          ...(['docker', 'buildx', 'build', '--provenance=false', '--network=host', '--load', '-t'] as const),
          ...[name, join(scratch, 'image')],
        ],
        { env },
      );
    }
    if (golden.call !== undefined) {
      const words = [...golden.args, golden.context ?? directory].map((word) =>
        filledIn(word, golden, directory, address),
      );
      const called = await runProgram(
        ['docker', 'buildx', 'build', '--progress=plain', `--call=${golden.call},format=json`, ...words],
        { env, cwd: directory },
      );
      if (called.stdout !== '') return { answer: steadyAnswer(JSON.parse(called.stdout)) };
      return { error: steady(called.stderr.slice(called.stderr.lastIndexOf('ERROR: ')).trimEnd(), address) };
    }
    const layout = join(scratch, 'layout');
    const metadata = join(scratch, 'metadata.json');
    const network = golden.args.some((word) => word.startsWith('--network')) ? [] : ['--network=host'];
    const ended = await runProgram(
      [
        ...(['docker', 'buildx', 'build', '--progress=plain', '--provenance=false'] as const),
        ...[
          '--metadata-file',
          metadata,
          `--output=type=oci,tar=false,dest=${layout}`,
          ...network,
          ...frontend,
        ],
        ...[...golden.args, golden.context ?? directory].map((word) =>
          filledIn(word, golden, directory, address),
        ),
      ],
      { env, cwd: directory, stdin: golden.stdin && join(directory, golden.stdin) },
    );
    if (ended.code !== 0) {
      const message =
        /^ERROR: (.*(?:\n(?!$).*)*)/m.exec(
          ended.stderr.slice(ended.stderr.lastIndexOf('\nERROR: ') + 1),
        )?.[1] ?? ended.stderr;
      const what = message
        .replace(/^failed to (?:build|solve): (?:failed to solve: )?/, '')
        .trimEnd()
        .replaceAll(directory, '<context>');
      const line = lineOfExcerpt(ended.stderr);
      return { error: steady(line === '' ? what : `${line}: ${what}`, address) };
    }
    const warnings = warningsOf(JSON.parse(readFileSync(metadata, 'utf8')) as Metadata);
    const store = await LayoutStore.open(layout);
    const [root] = await store.entries();
    if (root === undefined) throw new Error(`${golden.id}: the peer's layout is empty`);
    return {
      ...(warnings.length === 0 ? {} : { warnings }),
      images: steadyImages(await imageFacts(store, root, base), address),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function warningsOf(metadata: Metadata): string[] {
  const found = (metadata['buildx.build.warnings'] ?? []).map(({ short, range }) => {
    const text = Buffer.from(short, 'base64')
      .toString()
      .replace(/ \(line \d+\)$/, '');
    const colon = text.indexOf(':');
    return `${text.slice(0, colon)}:${range?.[0]?.start.line ?? 0}${text.slice(colon)}`;
  });
  return [...new Set(found)].sort();
}
