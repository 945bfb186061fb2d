import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RegistrySettings } from '../../../app/registry-settings.ts';
import { failure } from '../../../lib/errors.ts';
import { printable } from '../../../lib/redact.ts';
import { terminalText } from '../../terminal-text.ts';

interface GlobalFlags {
  readonly insecure?: true;
  readonly plainHttp?: true;
  readonly username?: string;
  readonly password?: string;
  readonly dockerCfg?: string;
}

interface PushFlags extends GlobalFlags {
  readonly type: 'docker' | 'oci';
  readonly ignoreMissing?: true;
}

interface ArgumentFlags extends PushFlags {
  readonly platforms: string[];
  readonly template: string;
  readonly target: string;
  readonly tags?: string[];
  readonly annotations?: Record<string, string>;
}

const list = (text: string, all: string[] = []): string[] => [
  ...all,
  ...text.split(',').filter((word) => word !== ''),
];

/** manifest-tool's options stand in front of its commands, so that it is one command here. */
export function command(program: Command, { signal }: { signal: AbortSignal }): Command {
  program
    .description('manifest-tool’s command line; docs/shims/manifest-tool.md says what is covered.')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .option('--insecure', 'allow insecure registry communication')
    .option('--plain-http', 'allow registry communication over plain http')
    .option('--username <value>', 'registry username')
    .option('--password <value>', 'registry password')
    .option('--docker-cfg <path>', 'a Docker config.json, or the directory that has it');
  program
    .command('inspect')
    .summary('fetch image manifests in a container registry')
    .argument('<image>')
    .option('--raw', 'raw JSON output')
    .option('--expand-config', 'expand image config content in raw JSON output')
    .action(async (name: string, _flags: unknown, self: Command) => {
      const flags = self.optsWithGlobals<GlobalFlags & { raw?: true; expandConfig?: true }>();
      if (flags.expandConfig && !flags.raw) {
        throw failure('USAGE', 'use', '--expand-config', 'it goes with --raw only');
      }
      const { inspectImage } = await import('../../../app/manifest-tool/inspect-image.ts');
      const { renderInspected, rawInspected } = await import('./render-inspected.ts');
      const image = await inspectImage(name, { registry: await settings(flags), signal });
      const shown = flags.raw
        ? rawInspected(image, { expandConfig: flags.expandConfig ?? false })
        : renderInspected(image);
      process.stdout.write(terminalText(shown));
    });
  const push = program
    .command('push')
    .summary('push a manifest list/OCI index entry to a registry with provided image details')
    .addOption(
      new Option('--type <type>', 'docker (v2.2 manifest list) or oci (v1 index)')
        .choices(['docker', 'oci'])
        .default('docker'),
    );
  push
    .command('from-spec')
    .summary('push a manifest list to a registry via a YAML spec')
    .argument('<file>')
    .option('--ignore-missing', 'only warn on missing images defined in YAML spec')
    .action(async (file: string, _flags: unknown, self: Command) => {
      const { readSpec } = await import('../../../app/manifest-tool/parse-spec.ts');
      await pushSpec(await readSpec(file), self.optsWithGlobals<PushFlags>(), signal);
    });
  push
    .command('from-args')
    .summary('push a manifest list to a registry via CLI arguments')
    .requiredOption('--platforms <list>', 'the platforms that images should be pushed for', list)
    .requiredOption('--template <image>', 'pattern of the source images: OS, ARCH and VARIANT are replaced')
    .requiredOption('--target <image>', 'name of the manifest list')
    .option('--tags <list>', 'additional tags', list)
    .option('--annotations <list>', 'annotations of the OCI index, key=value', pairs)
    .option('--ignore-missing', 'only warn on missing images defined in platform list')
    .action(async (_flags: unknown, self: Command) => {
      const flags = self.optsWithGlobals<ArgumentFlags>();
      const { specFromArguments } = await import('../../../app/manifest-tool/push-spec.ts');
      const { platforms, template, target, tags = [], annotations = {} } = flags;
      await pushSpec(specFromArguments({ platforms, template, target, tags, annotations }), flags, signal);
    });
  return program;
}

async function pushSpec(
  spec: import('../../../app/manifest-tool/parse-spec.ts').ManifestSpec,
  flags: PushFlags,
  signal: AbortSignal,
): Promise<void> {
  const app = await import('../../../app/manifest-tool/push-spec.ts');
  const { type, ignoreMissing } = flags;
  const written = await app.pushSpec(spec, { type, ignoreMissing, registry: await settings(flags), signal });
  for (const warning of written.warnings) process.stderr.write(`warning: ${printable(warning)}\n`);
  process.stdout.write(`Digest: ${written.digest} ${written.size}\n`);
}

function pairs(text: string, all: Record<string, string> = {}): Record<string, string> {
  const added = text.split(',').map((pair) => {
    const equals = pair.indexOf('=');
    if (equals <= 0) throw new InvalidArgumentError('It is not of the form key=value.');
    return [pair.slice(0, equals), pair.slice(equals + 1)] as const;
  });
  return { ...all, ...Object.fromEntries(added) };
}

async function settings(flags: GlobalFlags): Promise<RegistrySettings> {
  const { username, password, dockerCfg } = flags;
  if ((username === undefined) !== (password === undefined)) {
    const [given, other] =
      username === undefined ? ['--password', '--username'] : ['--username', '--password'];
    throw failure('USAGE', 'use', given, `it does not go without ${other}`);
  }
  const credential = username && password ? { username, password } : undefined;
  const directory = dockerCfg !== undefined && (await stat(dockerCfg).catch(() => undefined))?.isDirectory();
  return {
    ...(flags.insecure || flags.plainHttp ? { tlsVerify: false } : {}),
    ...(credential === undefined ? {} : { credential }),
    ...(dockerCfg === undefined ? {} : { authFile: directory ? join(dockerCfg, 'config.json') : dockerCfg }),
  };
}
