import { failure } from '../../lib/errors.ts';
import type { Dockerfile } from '../dockerfile/instruction.ts';
import { Lint } from '../dockerfile/lint/lint.ts';
import { type LintOptions, noLintOptions, parseLintOptions } from '../dockerfile/lint/lint-options.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { unsupported } from '../dockerfile/source.ts';
import { type BuilderArguments, readBuilderArguments } from './builder-arguments.ts';
import type { PlanRequest } from './plan-request.ts';

/** Parses the request's Dockerfile and makes the lint that it asks for. DOCKERFILE, LIMIT, or UNSUPPORTED for another syntax than Docker's. */
export function readDockerfile(request: PlanRequest): {
  readonly dockerfile: Dockerfile;
  readonly lint: Lint;
} {
  const given = readBuilderArguments(request.buildArgs, { platforms: request.platforms.length });
  const dockerfile = parseDockerfile(request.dockerfile, request.filename);
  refuseOtherSyntax(dockerfile, given);
  return { dockerfile, lint: new Lint(dockerfile.source, lintOptionsOf(dockerfile, request, given)) };
}

/** BUILDKIT_DOCKERFILE_CHECK where it is given, else the `check` directive. */
function lintOptionsOf(
  { directives }: Dockerfile,
  { filename }: PlanRequest,
  { check }: BuilderArguments,
): LintOptions {
  if (check !== undefined) return parseLintOptions(check, 'BUILDKIT_DOCKERFILE_CHECK');
  const directive = directives.find(({ name }) => name === 'check');
  if (directive === undefined) return noLintOptions;
  // BuildKit takes the first word of the value.
  const [value = ''] = directive.value.split(' ');
  return parseLintOptions(value, `${filename}:${directive.line}`);
}

/** `# syntax=` names the program that reads the file: Docker's own is what is read here, another can't be honoured. */
function refuseOtherSyntax({ directives, source }: Dockerfile, given: BuilderArguments): void {
  if (given.syntax !== undefined) {
    if (isDockersSyntax(given.syntax)) return;
    const argument = `BUILDKIT_SYNTAX=${given.syntax}`;
    throw failure('UNSUPPORTED', 'use --build-arg', argument, 'the syntax is not supported yet', {
      hint: 'only docker/dockerfile is read',
    });
  }
  const syntax = directives.find((directive) => directive.name === 'syntax');
  if (syntax === undefined) return;
  const [image = ''] = syntax.value.split(' ');
  if (isDockersSyntax(image)) return;
  const range = { startLine: syntax.line, endLine: syntax.line };
  throw unsupported(source, range, `the syntax ${image}`, 'only docker/dockerfile is read');
}

function isDockersSyntax(image: string): boolean {
  return /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@ ]|$)/.test(image);
}
