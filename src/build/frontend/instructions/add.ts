import { isDigest } from '../../../lib/digest.ts';
import { type ParsedGitReference, parseGitReference } from '../../dockerfile/git-reference.ts';
import type { Instruction } from '../../dockerfile/instruction.ts';
import { readFlags } from '../../dockerfile/read-flags.ts';
import type { CopySource, GitSource } from '../../graph/op.ts';
import type { CommandReader } from '../command.ts';
import type { StageBuild } from '../stage-build.ts';
import { copyOperands, planCopy } from './copy-files.ts';
import { pathSource } from './path-source.ts';

interface RemoteFlags {
  readonly checksum?: string | undefined;
  readonly keepGitDirectory?: boolean | undefined;
  readonly unpack?: boolean | undefined;
}

/** ADD: files of the context, archives unpacked; files behind URLs, git repositories, heredocs. */
export const readAdd: CommandReader = (instruction, source) => {
  const flags = readFlags(source, instruction, {
    chown: 'text',
    chmod: 'text',
    link: 'boolean',
    'keep-git-dir': 'boolean',
    checksum: 'text',
    unpack: 'boolean',
    exclude: 'list',
  });
  const operands = copyOperands(instruction, source);
  return {
    instruction,
    counts: true,
    apply(stage) {
      const checksum = stage.expand(instruction, flags.checksum ?? '') || undefined;
      if (checksum !== undefined && operands.paths.length !== 1)
        throw stage.invalid(instruction, "checksum can't be specified for multiple sources");
      const { unpack } = flags;
      const remote = { checksum, keepGitDirectory: flags['keep-git-dir'], unpack };
      const sourceOf = (path: string): CopySource => {
        const git = parseGitReference(path);
        if (git !== undefined) return gitSource(stage, instruction, git, remote);
        if (isUrl(path)) return urlSource(stage, instruction, path, remote);
        if (checksum !== undefined)
          throw stage.invalid(instruction, 'checksum requires HTTP(S) or Git sources');
        return pathSource(path, { origin: { kind: 'context' }, unpack: unpack ?? true });
      };
      planCopy(stage, instruction, { ...flags, ...operands, sourceOf });
    },
  };
};

/** What ADD takes from elsewhere. `github.com/a/b` without a scheme is a local path, as in BuildKit. */
export function isRemote(path: string): boolean {
  return isUrl(path) || parseGitReference(path) !== undefined;
}

function isUrl(path: string): boolean {
  return /^https?:\/\//.test(path);
}

function gitSource(
  stage: StageBuild,
  instruction: Instruction,
  parsed: ParsedGitReference,
  flags: RemoteFlags,
): CopySource {
  if (parsed.kind === 'invalid') throw stage.invalid(instruction, parsed.what);
  const { reference } = parsed;
  const { checksum, keepGitDirectory } = flags;
  const inQuery = reference.keepGitDirectory;
  if (keepGitDirectory !== undefined && inQuery !== undefined && keepGitDirectory !== inQuery)
    throw stage.invalid(instruction, 'inconsistent keep-git-dir configuration');
  if (checksum !== undefined) {
    if (reference.checksum !== undefined && reference.checksum !== checksum)
      throw stage.invalid(instruction, `checksum mismatch "${checksum}" != "${reference.checksum}"`);
    if (!/^[a-fA-F0-9]+$/.test(checksum)) {
      const what = `invalid checksum ${checksum} for Git source, expected a commit's hexadecimal digits`;
      throw stage.invalid(instruction, what);
    }
  }
  const source: GitSource = {
    ...reference,
    ...(checksum !== undefined && { checksum }),
    keepGitDirectory: inQuery ?? keepGitDirectory ?? false,
  };
  return { origin: { kind: 'git', ...source }, pattern: '.', literal: true };
}

function urlSource(
  stage: StageBuild,
  instruction: Instruction,
  address: string,
  { checksum, unpack }: RemoteFlags,
): CopySource {
  const url = URL.parse(address);
  if (url === null) throw stage.invalid(instruction, 'the source is no URL');
  if (checksum !== undefined && (!isDigest(checksum) || !checksum.startsWith('sha256:'))) {
    throw stage.invalid(
      instruction,
      `invalid checksum ${checksum}: sha256: and 64 hexadecimal digits are one`,
    );
  }
  const name = fileName(url);
  return {
    origin: { kind: 'http', url: address, name, ...(checksum !== undefined && { checksum }) },
    pattern: name,
    literal: true,
    ...(unpack ? { unpack: true } : {}),
  };
}

/** The last part of the path; `__unnamed__` where there is none, as in BuildKit. */
function fileName({ pathname }: URL): string {
  let path = pathname;
  try {
    path = decodeURIComponent(pathname);
  } catch {
    // As it is written.
  }
  const name = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  return name === '' || name === '.' || name === '..' || name.includes('\0') ? '__unnamed__' : name;
}
