/** A thing to warn of. Its page is docs/rules/NAME-IN-KEBAB-CASE.md, whose examples are its tests. */
export interface Rule<Parts extends readonly string[] = readonly string[]> {
  readonly name: string;
  readonly description: string;
  /** Who has it: BuildKit's keep its names and words (frontend/dockerfile/linter/ruleset.go). */
  readonly origin: 'buildkit' | 'polyarch';
  /** Off unless `check=experimental=NAME` asks for it. */
  readonly experimental?: boolean;
  message(...parts: Parts): string;
}

/** Pages of BuildKit's rules. */
const dockerDocs = 'https://docs.docker.com/go/dockerfile/rule/';

const quoted = (text: string) => JSON.stringify(text);
const meant = (word: string, mark = '') => (word === '' ? '' : ` (did you mean ${mark}${word}?)`);

const buildkit = {
  StageNameCasing: {
    description: 'Stage names should be lowercase',
    message: (stage: string) => `Stage name '${stage}' should be lowercase`,
  },
  FromAsCasing: {
    description: "The 'as' keyword should match the case of the 'from' keyword",
    message: (from: string, as: string) => `'${as}' and '${from}' keywords' casing do not match`,
  },
  NoEmptyContinuation: {
    description: 'Empty continuation lines will become errors in a future release',
    message: () => 'Empty continuation line',
  },
  ConsistentInstructionCasing: {
    description: 'All commands within the Dockerfile should use the same casing (either upper or lower)',
    message: (command: string, casing: string) =>
      `Command '${command}' should match the case of the command majority (${casing})`,
  },
  DuplicateStageName: {
    description: 'Stage names should be unique',
    message: (stage: string) => `Duplicate stage name ${quoted(stage)}, stage names should be unique`,
  },
  ReservedStageName: {
    description: 'Reserved words should not be used as stage names',
    message: (stage: string) => `Stage name should not use the same name as reserved stage ${quoted(stage)}`,
  },
  JSONArgsRecommended: {
    description:
      'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
    message: (instruction: string) =>
      `JSON arguments recommended for ${instruction} to prevent unintended behavior related to OS signals`,
  },
  MaintainerDeprecated: {
    description: 'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
    message: () => 'Maintainer instruction is deprecated in favor of using label',
  },
  UndefinedArgInFrom: {
    description: 'FROM command must use declared ARGs',
    message: (name: string, similar: string) => `FROM argument '${name}' is not declared${meant(similar)}`,
  },
  WorkdirRelativePath: {
    description:
      'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
    message: (path: string) =>
      `Relative workdir ${quoted(path)} can have unexpected results if the base image changes`,
  },
  UndefinedVar: {
    description: 'Variables should be defined before their use',
    message: (name: string, similar: string) =>
      `Usage of undefined variable '$${name}'${meant(similar, '$')}`,
  },
  MultipleInstructionsDisallowed: {
    description: 'Multiple instructions of the same type should not be used in the same stage',
    message: (instruction: string) =>
      `Multiple ${instruction} instructions should not be used in the same stage because only the last one will be used`,
  },
  LegacyKeyValueFormat: {
    description: 'Legacy key/value format with whitespace separator should not be used',
    message: (instruction: string) =>
      `"${instruction} key=value" should be used instead of legacy "${instruction} key value" format`,
  },
  InvalidBaseImagePlatform: {
    description: 'Base image platform does not match expected target platform',
    message: (image: string, expected: string, actual: string) =>
      `Base image ${image} was pulled with platform ${quoted(actual)}, expected ${quoted(expected)} for current build`,
  },
  RedundantTargetPlatform: {
    description:
      'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
    message: (platform: string) =>
      `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`,
  },
  SecretsUsedInArgOrEnv: {
    description: 'Sensitive data should not be used in the ARG or ENV commands',
    message: (instruction: string, key: string) =>
      `Do not use ARG or ENV instructions for sensitive data (${instruction} ${quoted(key)})`,
  },
  InvalidDefaultArgInFrom: {
    description: 'Default value for global ARG results in an empty or invalid base image name',
    message: (base: string) => `Default value for ARG ${base} results in empty or invalid base image name`,
  },
  FromPlatformFlagConstDisallowed: {
    description: 'FROM --platform flag should not use a constant value',
    message: (platform: string) => `FROM --platform flag should not use constant value ${quoted(platform)}`,
  },
  CopyIgnoredFile: {
    description: 'Attempting to Copy file that is excluded by .dockerignore',
    experimental: true,
    message: (instruction: string, path: string) =>
      `Attempting to ${instruction} file ${quoted(path)} that is excluded by .dockerignore`,
  },
  InvalidDefinitionDescription: {
    description:
      'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
    experimental: true,
    message: (instruction: string, name: string) =>
      `Comment for ${instruction} should follow the format: \`# ${name} <description>\``,
  },
  ExposeProtoCasing: {
    description: 'Protocol in EXPOSE instruction should be lowercase',
    message: (port: string) => `Defined protocol '${port}' in EXPOSE instruction should be lowercase`,
  },
  ExposeInvalidFormat: {
    description:
      'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
    message: (port: string) =>
      `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
  },
} as const;

/** Of what builds for one architecture and not for another. They are looked for when several platforms are built, and by `--check`. */
const polyarch = {
  HardcodedArchitecture: {
    description: 'A download should not name one architecture: it is the wrong one on every other platform',
    message: (word: string, variable: string) =>
      `The download names the architecture '${word}', on every platform: build the name from $${variable}`,
  },
  BuildArchitectureInCrossStage: {
    description:
      'In a stage of the build platform, programs tell the architecture of the machine that builds, not the one that is built for',
    message: (program: string) =>
      `'${program}' gives the build platform's architecture in this stage: use $TARGETARCH for the one that is built for`,
  },
  BasePlatformMissing: {
    description: 'A base image should have every platform that is built for',
    message: (image: string, platform: string, available: string) =>
      `Base image ${image} has nothing for ${platform}${available === '' ? '' : `; it has ${available}`}`,
  },
  EmulatedForNothing: {
    description:
      'A stage that only brings forth files which a compiler or packer makes for any platform should run on the build platform',
    message: (program: string, stage: string) =>
      `'${program}' runs under emulation in stage '${stage}', which other stages only copy from: FROM --platform=$BUILDPLATFORM would run it natively`,
  },
} as const;

type Named<Table, Origin> = {
  readonly [Name in keyof Table]: Table[Name] & { readonly name: Name; readonly origin: Origin };
};

function named<Table extends Readonly<Record<string, object>>, const Origin extends Rule['origin']>(
  table: Table,
  origin: Origin,
): Named<Table, Origin> {
  const entries = Object.entries(table).map(([name, rule]) => [name, { ...rule, name, origin }]);
  return Object.fromEntries(entries) as Named<Table, Origin>;
}

export const rules = { ...named(buildkit, 'buildkit'), ...named(polyarch, 'polyarch') };

/** `ExposeProtoCasing` → `expose-proto-casing`: its page is called so, here and in Docker's documentation. */
export function pageName(rule: { readonly name: string }): string {
  return rule.name.replace(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '-').toLowerCase();
}

/** Where to read more: Docker's page of a rule of BuildKit's, where it has one, else the checkout's own. */
export function ruleUrl(rule: { readonly name: string; readonly origin: Rule['origin'] }): string {
  return rule.origin === 'buildkit' && rule.name !== rules.InvalidBaseImagePlatform.name
    ? `${dockerDocs}${pageName(rule)}/`
    : `docs/rules/${pageName(rule)}.md`;
}
