import { failure, throwIfAborted } from '../../lib/errors.ts';
import type { Dockerfile } from '../dockerfile/instruction.ts';
import { Lint } from '../dockerfile/lint/lint.ts';
import { type LintOptions, noLintOptions, parseLintOptions } from '../dockerfile/lint/lint-options.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { unsupported } from '../dockerfile/source.ts';
import { Graph } from '../graph/graph.ts';
import { readBaseConfig } from './base-config.ts';
import { BaseImages } from './base-images.ts';
import { Budget } from './budget.ts';
import { lintFile } from './lint-file.ts';
import { planPlatform } from './plan-platform.ts';
import type { BuildPlan, PlanOptions, PlanRequest } from './plan-request.ts';
import { proxyEnvironment } from './platform-arguments.ts';
import { readStages } from './read-stages.ts';
import { type ImageSource, layOutStages, type StageLayout } from './stage-layout.ts';

const checkArgument = 'BUILDKIT_DOCKERFILE_CHECK';

/**
 * A Dockerfile and its options → one graph for all platforms and one plan for each image. Nothing is run, and only what the target needs
 * is looked at. Failures: DOCKERFILE, UNSUPPORTED, LIMIT, NOT_FOUND (target), CONTENT_INVALID (a base's config), and resolveBase's own.
 */
export async function planImages(request: PlanRequest, options: PlanOptions): Promise<BuildPlan> {
  const { resolveBase, signal } = options;
  throwIfAborted(signal);
  const dockerfile = parseDockerfile(request.dockerfile, request.filename);
  refuseOtherSyntax(dockerfile);
  const { source, escapeCharacter } = dockerfile;
  const lint = new Lint(source, lintOptionsOf(dockerfile, request));
  const stages = readStages(dockerfile);
  lintFile(dockerfile, stages, lint);
  const bases = new BaseImages({ source, resolveBase, ...(signal && { signal }) });
  const targets = request.platforms.map((platform) => {
    const budget = new Budget();
    const layOut = (triggers?: ReadonlyMap<number, readonly string[]>) =>
      layOutStages(dockerfile, stages, request, { platform, budget, lint, ...(triggers && { triggers }) });
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
  const graph = new Graph();
  const { buildArgs, network = 'host' } = request;
  const images = targets.map(({ platform, budget, layout }) => {
    const { globalArguments } = layout;
    const context = { source, escapeCharacter, graph, lint, budget, globalArguments, buildArgs, network };
    return planPlatform(layout, context, { platform, bases });
  });
  if (lint.violations !== undefined) {
    throw failure('DOCKERFILE', 'build', source.filename, lint.violations, {
      hint: 'polyarch build --check shows them; error=true in the check directive asks for this',
    });
  }
  return { graph, images, warnings: lint.warnings, proxyEnv: proxyEnvironment(buildArgs) };
}

/** BUILDKIT_DOCKERFILE_CHECK where it is given, else the `check` directive. */
function lintOptionsOf({ directives }: Dockerfile, { buildArgs, filename }: PlanRequest): LintOptions {
  const given = Object.hasOwn(buildArgs, checkArgument) ? buildArgs[checkArgument] : undefined;
  if (given !== undefined) return parseLintOptions(given, checkArgument);
  const directive = directives.find(({ name }) => name === 'check');
  if (directive === undefined) return noLintOptions;
  // BuildKit takes the first word of the value.
  const [value = ''] = directive.value.split(' ');
  return parseLintOptions(value, `${filename}:${directive.line}`);
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
    const copied = laidOut.commands.flatMap(({ from, instruction }) =>
      from === undefined ? [] : [layout.copySource(index, from, instruction)],
    );
    return [laidOut.base, ...copied].filter((source) => source.kind === 'image');
  });
}

/** `# syntax=` names the program that reads the file: Docker's own is what is read here, another can't be honoured. */
function refuseOtherSyntax({ directives, source }: Dockerfile): void {
  const syntax = directives.find((directive) => directive.name === 'syntax');
  if (syntax === undefined) return;
  const [image = ''] = syntax.value.split(' ');
  if (/^(?:docker\.io\/)?(?:docker\/dockerfile(?:-upstream)?)(?:[:@].*)?$/.test(image)) return;
  const range = { startLine: syntax.line, endLine: syntax.line };
  throw unsupported(source, range, `the syntax ${image}`, 'only docker/dockerfile is read');
}
