import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { type BuildEvent, buildImage } from '../../src/app/build.ts';
import { openLocalStore } from '../../src/app/stores.ts';
import { rules } from '../../src/build/dockerfile/lint/rules.ts';
import { type BuildFlags, buildImageOptions, defineBuild } from '../../src/cli/build.ts';
import { isFailure } from '../../src/lib/errors.ts';
import { ourAnswer, steadyAnswer } from './call-answer.ts';
import { filledIn, type GoldenCase } from './case-file.ts';
import { imageFacts } from './image-facts.ts';
import { lineOfExcerpt, type Outcome, steady, steadyImages } from './outcome.ts';

const fromBuildkit: ReadonlySet<string> = new Set(
  Object.values(rules).flatMap(({ name, origin }) => (origin === 'buildkit' ? [name] : [])),
);

export interface OurBuildOptions {
  /** POLYARCH_HOME, with the base images in its local store. */
  readonly home: string;
  readonly base: Parameters<typeof imageFacts>[2];
  /** The address that `{{http}}` stands for. */
  readonly address: string;
}

/** Builds a case with the program's own code, options read as the command reads them. */
export async function ourBuild(
  directory: string,
  golden: GoldenCase,
  options: OurBuildOptions,
): Promise<Outcome> {
  const { home, base, address } = options;
  const env = { ...process.env, POLYARCH_HOME: home, ...golden.env };
  const command = defineBuild(new Command('build')).exitOverride();
  const filled = (word: string) => filledIn(word, golden, directory, address);
  command.parse([...golden.args.map(filled), '.'], { from: 'user' });
  const warnings: string[] = [];
  const onEvent = (event: BuildEvent) => {
    if (event.type !== 'warning') return;
    const { rule, line, message } = event.warning;
    if (fromBuildkit.has(rule)) warnings.push(`${rule}:${line}: ${message}`);
  };
  const found = () => (warnings.length === 0 ? {} : { warnings: warnings.toSorted() });
  try {
    const request = {
      ...buildImageOptions(filled(golden.context ?? directory), command.opts<BuildFlags>()),
      stdin: golden.stdin === undefined ? undefined : createReadStream(join(directory, golden.stdin)),
      env,
      onEvent,
    };
    if (golden.call !== undefined)
      return { answer: steadyAnswer(await ourAnswer(golden.call, request), fromBuildkit) };
    const built = await buildImage(request);
    const store = await openLocalStore({ env });
    return { ...found(), images: steadyImages(await imageFacts(store, built.root, base), address) };
  } catch (error) {
    if (!isFailure(error)) throw error;
    const line = lineOfExcerpt(error.excerpt ?? '');
    const what = `${error.code} ${error.message}`
      .replaceAll(join(directory, '/'), '')
      .replaceAll(directory, '<context>');
    return { ...found(), error: steady(line === '' ? what : `${line}: ${what}`, address) };
  }
}
