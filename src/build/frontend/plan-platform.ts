import { failure } from '../../lib/errors.ts';
import { redactAddresses } from '../../lib/redact.ts';
import { formatPlatform, normalizePlatform, type Platform } from '../../oci/platform.ts';
import { rules } from '../dockerfile/lint/rules.ts';
import type { Node } from '../graph/graph.ts';
import type { ImagePlan } from '../graph/image-plan.ts';
import type { CopySource, FileOrigin } from '../graph/op.ts';
import { readBaseConfig, readBaseHistory, withoutEmptyFields } from './base-config.ts';
import type { BaseImages } from './base-images.ts';
import { absolute } from './container-path.ts';
import type { BaseImage } from './plan-request.ts';
import { type PlanContext, StageBuild, type StageStart } from './stage-build.ts';
import type { ImageSource, LaidOutStage, StageLayout } from './stage-layout.ts';

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Told of each stage when its instructions are applied. */
export type OnStage = (build: StageBuild, laidOut: LaidOutStage, index: number) => void;

/** Applies the stages that one platform's image needs. */
export function planPlatform(
  layout: StageLayout,
  context: PlanContext,
  options: { readonly platform: Platform; readonly bases: BaseImages; readonly onStage?: OnStage },
): ImagePlan {
  const { platform, bases, onStage } = options;
  const built = new Map<number, StageBuild>();
  for (const index of layout.needed) {
    const laidOut = layout.stages[index];
    if (laidOut !== undefined) built.set(index, buildStage(laidOut, index));
  }
  const final = built.get(layout.target);
  if (final === undefined) throw new Error('the target stage was not planned');
  return {
    platform,
    target: targetPlatform(platform, final.imagePlatform),
    node: final.node,
    config: withoutEmptyFields(final.config),
    ...(final.author === undefined || final.author === '' ? {} : { author: final.author }),
    baseHistory: final.baseHistory,
    history: final.history,
  };

  function buildStage(laidOut: LaidOutStage, index: number): StageBuild {
    const { stage, label, base, commands } = laidOut;
    const done = base.kind === 'image' ? 1 : 0;
    const total = done + commands.filter((command) => command.counts).length;
    let current = stage.from.instruction;
    const copySource = (from: string): Node => {
      const source = layout.copySource(index, from, current);
      if (source.kind === 'stage') return builtStage(source.index).node;
      if (source.kind === 'files') return filesNode(context, source.origin);
      return source.kind === 'scratch' ? emptyNode(context) : imageNode(context, source, bases.get(source));
    };
    const start =
      base.kind === 'stage'
        ? builtStage(base.index).end
        : base.kind === 'scratch'
          ? scratchStart(context, platform)
          : base.kind === 'files'
            ? filesStart(context, base.origin, platform, stage.from.base)
            : imageStart(context, base, bases.get(base), { label, total });
    const copyOrigin = (from: string): FileOrigin | undefined => {
      const source = layout.copySource(index, from, current);
      return source.kind === 'files' ? source.origin : undefined;
    };
    const build = new StageBuild(context, start, { name: label, total, done, copySource, copyOrigin });
    beginStage(build, laidOut);
    for (const command of commands) {
      current = command.instruction;
      command.apply(build);
    }
    onStage?.(build, laidOut, index);
    return build;
  }

  function builtStage(index: number): StageBuild {
    const build = built.get(index);
    if (build === undefined) throw new Error(`stage ${index} was not planned`);
    return build;
  }
}

/** The image's environment and directory come into effect: PATH is always set, and the image's variables win over inherited ARGs. */
function beginStage(build: StageBuild, { stage }: LaidOutStage): void {
  const { config } = build;
  const { instruction } = stage.from;
  let env = config.Env ?? [];
  if (build.platform.os !== 'windows' && !env.some((entry) => /^PATH(?:=|$)/.test(entry))) {
    env = [...env, `PATH=${defaultPath}`];
    config.Env = env;
  }
  for (const entry of env) {
    const equals = entry.indexOf('=');
    if (equals < 0) build.setVariable(instruction, entry, '');
    else build.setVariable(instruction, entry.slice(0, equals), entry.slice(equals + 1));
  }
  if (config.WorkingDir && !config.WorkingDir.startsWith('/'))
    config.WorkingDir = absolute('/', config.WorkingDir);
}

function emptyNode(context: PlanContext): Node {
  return context.graph.add({ kind: 'base', layers: [] }, []);
}

/** A context's files as a tree: one layer that holds them all. */
function filesNode(context: PlanContext, origin: FileOrigin): Node {
  const sources: CopySource[] = [{ origin, pattern: '.', literal: true }];
  return context.graph.add({ kind: 'copy', sources, destination: '/' }, [emptyNode(context)]);
}

/** FROM a context of files: they are a layer of the image, and an entry of its history. */
function filesStart(context: PlanContext, origin: FileOrigin, platform: Platform, name: string): StageStart {
  const node = filesNode(context, origin);
  const history = [{ createdBy: `FROM ${redactAddresses(name)}`, node }];
  return { ...scratchStart(context, platform), node, history };
}

function scratchStart(context: PlanContext, platform: Platform): StageStart {
  return {
    platform,
    imagePlatform: platform,
    node: emptyNode(context),
    config: { WorkingDir: '/' },
    baseHistory: [],
    history: [],
    variables: new Map(),
    arguments: [],
  };
}

function imageStart(
  context: PlanContext,
  image: ImageSource,
  base: BaseImage,
  step: { readonly label: string; readonly total: number },
): StageStart {
  const { instruction, platform } = image;
  const config = readBaseConfig(base);
  // Its triggers are among the stage's commands; they are not handed on.
  delete config.OnBuild;
  const { os, architecture, variant } = base.config;
  if (typeof os !== 'string' || typeof architecture !== 'string') {
    throw failure('CONTENT_INVALID', 'read config of', base.reference, 'it names no platform');
  }
  const osVersion = base.config['os.version'];
  const osFeatures = base.config['os.features'];
  const node = imageNode(context, image, base, {
    platform,
    stage: step.label,
    number: 1,
    total: step.total,
    text: `FROM ${base.reference}`,
    ...instruction.range,
  });
  const { author } = base.config;
  return {
    platform,
    imagePlatform: {
      os,
      architecture,
      ...(variant ? { variant } : {}),
      ...(osVersion ? { 'os.version': osVersion } : {}),
      ...(osFeatures ? { 'os.features': osFeatures } : {}),
    },
    node,
    config,
    ...(author ? { author } : {}),
    baseHistory: readBaseHistory(base.config),
    history: [],
    variables: new Map(),
    arguments: [],
  };
}

/** The tree of an image. An image that says to be of another platform is warned of: it had no index to choose from. */
function imageNode(
  context: PlanContext,
  image: ImageSource,
  base: BaseImage,
  step?: Parameters<PlanContext['graph']['add']>[2],
): Node {
  const { os, architecture, variant } = base.config;
  const wanted = image.platform;
  if (wanted.os !== os || wanted.architecture !== architecture) {
    const actual = formatPlatform(
      normalizePlatform({
        os: String(os),
        architecture: String(architecture),
        ...(variant ? { variant } : {}),
      }),
    );
    const expected = formatPlatform(normalizePlatform(wanted));
    context.lint.report(
      rules.InvalidBaseImagePlatform,
      image.instruction.range,
      image.reference,
      expected,
      actual,
    );
  }
  return context.graph.add({ kind: 'base', layers: base.layers }, [], step);
}

/** os and architecture as asked for; what was not asked for is kept from the base of the same kind (BuildKit finalizeResultImage). */
function targetPlatform(asked: Platform, image: Platform): Platform {
  const same = asked.os === image.os && asked.architecture === image.architecture;
  const { variant, 'os.version': osVersion, 'os.features': osFeatures } = asked;
  const kept = same ? image : undefined;
  const version = osVersion || kept?.['os.version'];
  const features = osFeatures ?? image['os.features'];
  const chosen = variant || kept?.variant;
  return normalizePlatform({
    os: asked.os,
    architecture: asked.architecture,
    ...(chosen ? { variant: chosen } : {}),
    ...(version ? { 'os.version': version } : {}),
    ...(features ? { 'os.features': features } : {}),
  });
}
