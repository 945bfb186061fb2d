import { throwIfAborted } from '../../lib/errors.ts';
import { PathPatterns } from '../../lib/path-patterns.ts';
import { parseIgnoreFile } from '../dockerfile/ignore.ts';
import type { Dockerfile } from '../dockerfile/instruction.ts';
import type { Lint } from '../dockerfile/lint/lint.ts';
import { Graph } from '../graph/graph.ts';
import { readBaseConfig } from './base-config.ts';
import { BaseImages } from './base-images.ts';
import { Budget } from './budget.ts';
import { lintFile } from './lint-file.ts';
import { lintPortability } from './lint-portability.ts';
import { type OnStage, planPlatform } from './plan-platform.ts';
import type { BuildPlan, PlanOptions, PlanRequest } from './plan-request.ts';
import { proxyEnvironment } from './platform-arguments.ts';
import { readStages } from './read-stages.ts';
import { type ImageSource, layOutStages, type StageLayout } from './stage-layout.ts';

export interface PlanDockerfileOptions extends PlanOptions {
  readonly lint: Lint;
  /** Plan every stage, not only those that the target needs. Default false. */
  readonly allStages?: boolean;
  /** Look for what builds for one architecture only. Default false: only where several platforms are asked for. */
  readonly portability?: boolean;
  readonly onStage?: OnStage;
}

/** A parsed Dockerfile → its graph and image plans; warnings go to `lint`, also when it fails. */
export async function planDockerfile(
  dockerfile: Dockerfile,
  request: PlanRequest,
  options: PlanDockerfileOptions,
): Promise<Omit<BuildPlan, 'warnings' | 'index'>> {
  const { resolveBase, signal, lint, allStages, onStage } = options;
  throwIfAborted(signal);
  const { source, escapeCharacter } = dockerfile;
  const stages = readStages(dockerfile);
  lintFile(dockerfile, stages, lint);
  const bases = new BaseImages({ source, resolveBase, lint, ...(signal && { signal }) });
  const targets = request.platforms.map((platform) => {
    const budget = new Budget();
    const layOut = (triggers?: ReadonlyMap<number, readonly string[]>) =>
      layOutStages(dockerfile, stages, request, {
        platform,
        budget,
        lint,
        ...(allStages && { allStages }),
        ...(triggers && { triggers }),
      });
    return { platform, budget, layOut, layout: layOut() };
  });
  // Triggers of a base image may need more images, which may have triggers.
  for (let known = -1, found = 0; found > known; ) {
    await bases.resolve(targets.flatMap(({ layout }) => imagesOf(layout)));
    known = found;
    found = 0;
    for (const target of targets) {
      const triggers = triggersOf(target.layout, bases);
      found += triggers.size;
      if (triggers.size > 0) target.layout = target.layOut(triggers);
    }
  }
  if (options.portability || request.platforms.length > 1) {
    for (const { platform, layout } of targets) {
      lintPortability(layout, { platform, buildPlatform: request.buildPlatform, lint });
    }
  }
  const graph = new Graph();
  const { buildArgs, network = 'host', run = {} } = request;
  const allow = new Set(request.allow);
  const ignored = new PathPatterns(parseIgnoreFile(request.ignore ?? ''));
  const images = targets.map(({ platform, budget, layout }) => {
    const { globalArguments } = layout;
    const context = {
      source,
      escapeCharacter,
      graph,
      lint,
      budget,
      globalArguments,
      buildArgs,
      network,
      ignored,
      allow,
      run,
    };
    return planPlatform(layout, context, { platform, bases, ...(onStage && { onStage }) });
  });
  return { graph, images, proxyEnv: proxyEnvironment(buildArgs) };
}

/** The ONBUILD triggers of the images that needed stages are FROM. */
function triggersOf(layout: StageLayout, bases: BaseImages): Map<number, readonly string[]> {
  const found = new Map<number, readonly string[]>();
  for (const index of layout.needed) {
    const base = layout.stages[index]?.base;
    if (base?.kind !== 'image') continue;
    const triggers = readBaseConfig(bases.get(base)).OnBuild ?? [];
    if (triggers.length > 0) found.set(index, triggers);
  }
  return found;
}

function imagesOf(layout: StageLayout): ImageSource[] {
  return layout.needed.flatMap((index) => {
    const laidOut = layout.stages[index];
    if (laidOut === undefined) return [];
    const copied = laidOut.commands.flatMap(({ from = [], instruction }) =>
      from.map((name) => layout.copySource(index, name, instruction)),
    );
    return [laidOut.base, ...copied].filter((source) => source.kind === 'image');
  });
}
