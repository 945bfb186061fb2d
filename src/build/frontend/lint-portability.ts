import { formatPlatform, normalizePlatform, type Platform } from '../../oci/platform.ts';
import type { Instruction } from '../dockerfile/instruction.ts';
import type { Lint } from '../dockerfile/lint/lint.ts';
import { rules } from '../dockerfile/lint/rules.ts';
import type { LaidOutStage, StageLayout } from './stage-layout.ts';

export interface PortabilityOptions {
  readonly platform: Platform;
  readonly buildPlatform: Platform;
  readonly lint: Lint;
}

/** Looks for what is right on one architecture only, or slow on all but one. */
export function lintPortability(layout: StageLayout, options: PortabilityOptions): void {
  for (const index of layout.needed) {
    const laidOut = layout.stages[index];
    if (laidOut === undefined) continue;
    const isCross = /\$\{?BUILD(?:PLATFORM|ARCH)/.test(laidOut.stage.from.platform ?? '');
    const emulated = isEmulatedHelper(index, layout, options);
    for (const { instruction } of laidOut.commands) {
      lintDownload(instruction, laidOut, options.lint);
      if (isCross) lintArchitectureProgram(instruction, options.lint);
      if (emulated) lintCompiler(instruction, laidOut, options.lint);
    }
  }
}

const architecture =
  /(?<![a-z0-9])(?:x86[_-]64|amd64|x64|i[36]86|aarch64|arm64(?:v8)?|armv[67]l?|armhf|arm32v[67]|ppc64(?:le|el)|s390x|riscv64)(?![a-z0-9])/i;
/** A command that looks at the architecture may well name several. */
const choosesArchitecture =
  /TARGET(?:ARCH|PLATFORM|VARIANT)|BUILD(?:ARCH|PLATFORM)|\buname\b|--print-architecture|\$\((?:arch|apk --print-arch)\)|\bcase\b/;
const download = /\b(?:curl|wget|aria2c|http|fetch)\b/;

/** A URL of a download with an architecture in it, in a stage that is built for several. */
function lintDownload(instruction: Instruction, { stage }: LaidOutStage, lint: Lint): void {
  const { keyword } = instruction;
  if (stage.from.platform !== undefined && !stage.from.platform.includes('$')) return;
  const text = textOf(instruction);
  if (keyword === 'RUN' ? !download.test(text) : keyword !== 'ADD') return;
  if (choosesArchitecture.test(text)) return;
  for (const [url] of text.matchAll(/\bhttps?:\/\/[^\s"';|&)]+/g)) {
    const word = architecture.exec(url)?.[0];
    if (word !== undefined) lint.report(rules.HardcodedArchitecture, instruction.range, word, 'TARGETARCH');
  }
}

const architecturePrograms =
  /\buname\s+-[a-z]*[mpi]\b|\bdpkg\s+--print-architecture\b|\$\(\s*arch\s*\)|\bapk\s+--print-arch\b/;

/** What a program says of the machine, where the machine is the one that builds. */
function lintArchitectureProgram(instruction: Instruction, lint: Lint): void {
  if (instruction.keyword !== 'RUN') return;
  const text = textOf(instruction);
  const program = architecturePrograms.exec(text)?.[0];
  if (program === undefined || /BUILD(?:ARCH|PLATFORM)|TARGET(?:ARCH|PLATFORM)/.test(text)) return;
  lint.report(rules.BuildArchitectureInCrossStage, instruction.range, program.replace(/\s+/g, ' '));
}

/** Compilers and packers whose output is for any platform, or for the one that they are told. */
const portableCompiler =
  /\b(go (?:build|install)|javac|mvn|gradlew?|dotnet (?:publish|build)|tsc|webpack|vite build|hugo|(?:npm|pnpm|yarn)(?: run)? build)\b/;

function lintCompiler(instruction: Instruction, { label }: LaidOutStage, lint: Lint): void {
  if (instruction.keyword !== 'RUN') return;
  const program = portableCompiler.exec(textOf(instruction))?.[1];
  if (program !== undefined) lint.report(rules.EmulatedForNothing, instruction.range, program, label);
}

/** A stage that runs for a foreign platform, and is neither the target nor what the target stands on. */
function isEmulatedHelper(
  index: number,
  layout: StageLayout,
  { platform, buildPlatform }: PortabilityOptions,
): boolean {
  if (isSame(platform, buildPlatform)) return false;
  for (let stage: number | undefined = layout.target; stage !== undefined; stage = baseStage(layout, stage)) {
    if (stage === index) return false;
  }
  let bottom = index;
  for (let stage: number | undefined = index; stage !== undefined; stage = baseStage(layout, stage))
    bottom = stage;
  const base = layout.stages[bottom]?.base;
  return base?.kind === 'image' && isSame(base.platform, platform);
}

function baseStage(layout: StageLayout, index: number): number | undefined {
  const base = layout.stages[index]?.base;
  return base?.kind === 'stage' ? base.index : undefined;
}

function isSame(a: Platform, b: Platform): boolean {
  return formatPlatform(normalizePlatform(a)) === formatPlatform(normalizePlatform(b));
}

function textOf({ original, heredocs }: Instruction): string {
  return [original, ...heredocs.map(({ content }) => content)].join('\n');
}
