import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../src/lib/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type Ended, runProgram } from '../fixtures/run-program.ts';
import type { Session, Step } from './sessions.ts';
import { gzipStored, layerTar } from './shim-images.ts';

/** What one command line came to. */
export interface StepOutcome {
  readonly failed?: true;
  readonly stdout: string;
  /** Name → media type and digest of the manifest that it has afterwards, the manifest, and its config. */
  readonly documents?: Readonly<Record<string, readonly string[]>>;
  /** `tar -tv` of a file that was written, without times. */
  readonly listing?: readonly string[];
}

export interface SessionPlace {
  /** Of the registry that has the images. */
  readonly host: string;
  /** An empty directory. */
  readonly directory: string;
  /** Absent: ours. */
  readonly peer?: readonly [string, ...string[]];
}

/** Where a real docker finds buildx: it looks below DOCKER_CONFIG. */
const buildxPlugins = process.env.BUILDX_PLUGINS;

/** Runs the steps one after another; what they print and leave is the same whatever the port and the directory. */
export async function runSession(
  session: Session,
  place: SessionPlace,
): Promise<Record<string, StepOutcome>> {
  const { host, directory, peer } = place;
  const cwd = join(directory, session.name);
  mkdirSync(cwd, { recursive: true });
  writeFileSync(
    join(cwd, 'layer.tar.gz'),
    gzipStored(
      layerTar([
        ['new/', null],
        ['new/file', 'appended'],
      ]),
    ),
  );
  const env = { ...process.env, DOCKER_CONFIG: join(cwd, 'docker'), POLYARCH_HOME: join(cwd, 'home') };
  mkdirSync(env.DOCKER_CONFIG);
  if (peer !== undefined && buildxPlugins) symlinkSync(buildxPlugins, join(env.DOCKER_CONFIG, 'cli-plugins'));
  const here = (text: string): string => text.replaceAll('{{host}}', host);
  const steady = (text: string): string => text.replaceAll(host, '{{host}}').replaceAll(`${cwd}/`, '');
  const outcomes: Record<string, StepOutcome> = {};
  const program =
    peer === undefined ? new OwnShims(session.tool, { cwd, env }) : new PeerProgram(peer, { cwd, env });
  for (const [at, step] of session.steps.entries()) {
    for (const [name, text] of Object.entries(step.files ?? {})) writeFileSync(join(cwd, name), here(text));
    const args = step.args.map(here);
    const ended = await program.run(args);
    outcomes[`${at + 1}: ${step.args.join(' ')}`] = await outcomeOf(step, ended, { cwd, here, steady });
  }
  program.end();
  return outcomes;
}

type Said = Pick<Ended, 'code' | 'stdout'>;
interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

class PeerProgram {
  readonly #command: readonly [string, ...string[]];
  readonly #place: Place;
  constructor(command: readonly [string, ...string[]], place: Place) {
    this.#command = command;
    this.#place = place;
  }

  async run(args: readonly string[]): Promise<Said> {
    return await runProgram([...this.#command, ...args], this.#place);
  }

  end(): void {}
}

/** Ours, all in one process. */
class OwnShims {
  readonly #tool: string;
  readonly #worker: ChildProcess;
  constructor(tool: string, place: Place) {
    this.#tool = tool;
    this.#worker = fork(join(import.meta.dirname, 'shim-worker.ts'), {
      ...place,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
  }

  async run(args: readonly string[]): Promise<Said> {
    this.#worker.send(['shim', this.#tool, ...args]);
    const [said] = (await once(this.#worker, 'message')) as [Said];
    return said;
  }

  end(): void {
    this.#worker.disconnect();
  }
}

interface Words {
  readonly cwd: string;
  readonly here: (text: string) => string;
  readonly steady: (text: string) => string;
}

async function outcomeOf(step: Step, ended: Said, { cwd, here, steady }: Words): Promise<StepOutcome> {
  const failed = ended.code !== 0;
  if (failed) return { failed, stdout: '' };
  let stdout = steady(ended.stdout);
  const documents: Record<string, readonly string[]> = {};
  for (const name of step.leaves ?? []) {
    const { mediaType, texts } = await readBack(here(name));
    const [manifest = '', ...config] = texts.map(steady);
    // A manifest that names the registry has another digest for each port: that of the text as it is recorded stands for it.
    const digest = digestOf(Buffer.from(manifest));
    stdout = stdout.replaceAll(digestOf(Buffer.from(texts[0] ?? '')), digest);
    documents[name] = [`${mediaType} ${digest}`, manifest, ...config];
  }
  return {
    stdout,
    ...(step.leaves === undefined ? {} : { documents }),
    ...(step.writes === undefined ? {} : { listing: listing(join(cwd, step.writes)) }),
  };
}

const accepted = [
  ...[mediaTypes.ociIndex, mediaTypes.ociManifest],
  ...[mediaTypes.dockerManifestList, mediaTypes.dockerManifest],
].join(', ');

/** The manifest's text, and the config's where it has one. */
async function readBack(name: string): Promise<{ mediaType: string | null; texts: string[] }> {
  const [, host, repository, reference] = /^([^/]+)\/([^:@]+)[:@](.+)$/.exec(name) ?? [];
  const read = async (path: string) => {
    const answer = await fetch(`http://${host}/v2/${repository}/${path}`, { headers: { accept: accepted } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${name}: ${path}: ${answer.status} ${text}`);
    return { text, type: answer.headers.get('content-type') };
  };
  const { text, type } = await read(`manifests/${reference}`);
  const { config } = JSON.parse(text) as { config?: { digest: string } };
  const texts = config === undefined ? [text] : [text, (await read(`blobs/${config.digest}`)).text];
  return { mediaType: type, texts };
}

function listing(path: string): string[] {
  const names = execFileSync('tar', ['--numeric-owner', '--full-time', '-tvf', path], {
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  });
  const content = execFileSync('tar', ['-xOf', path]);
  return [...names.trimEnd().split('\n'), digestOf(content)];
}
