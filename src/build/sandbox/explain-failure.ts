import { statfsSync } from 'node:fs';
import { diskHints, failure, type PolyarchError } from '../../lib/errors.ts';

interface Explanation {
  readonly pattern: RegExp;
  readonly what: string;
  readonly hint: string;
}

/** What runc and crun say when a program cannot be started → what it means to the user. First match wins. */
const explanations: readonly Explanation[] = [
  {
    pattern: /exec format error/i,
    what: 'the program is for another architecture (exec format error)',
    hint: 'the base image may be of another platform than the step: check it with polyarch inspect, and name the platform with --platform',
  },
  {
    pattern: /cgroups in hybrid mode/i,
    what: 'crun refuses the hybrid cgroups of this machine',
    hint: 'apt-get install runc',
  },
  {
    pattern: /no space left on device/i,
    what: 'no space left on device',
    hint: diskHints.ENOSPC ?? '',
  },
  {
    pattern: /mount.*proc.*operation not permitted|too revealing/i,
    what: 'the kernel refuses a new /proc here, because parts of the outer one are masked',
    hint: 'run the outer container with --security-opt systempaths=unconfined',
  },
];

/** A shell's codes, as Docker gives them, for a program that the image lacks or that may not be executed; the runtime has said so on stderr. */
export function exitCodeOfFailedStart(message: string): number | undefined {
  if (/exec format error/i.test(message)) return undefined;
  if (/executable file.*not found|exec.*no such file or directory/i.test(message)) return 127;
  return /exec.*(permission denied|operation not permitted)|is a directory/i.test(message) ? 126 : undefined;
}

/** Less is too little for a runtime's own files. */
const leastFree = { files: 8, bytes: 256 * 1024 };

/** runc forgets why it could not write its state ("unable to store init state: %!w(<nil>)"), and has removed a file or two when it says so. */
function isFull(directory: string): boolean {
  const { bavail, bsize, files, ffree } = statfsSync(directory);
  return bavail * bsize < leastFree.bytes || (files > 0 && ffree < leastFree.files);
}

/** SANDBOX, in words that help. `message` is the runtime's own last line, `scratch` where it keeps its files. */
export function explainRuntimeFailure(
  message: string,
  { args, scratch }: { readonly args: readonly string[]; readonly scratch: string },
): PolyarchError {
  const thing = args[0] ?? '';
  const found = explanations.find(({ pattern }) => pattern.test(message));
  if (found !== undefined) return failure('SANDBOX', 'start', thing, found.what, { hint: found.hint });
  const said = message.replace(/^(runc|crun):? /, '');
  if (!isFull(scratch)) return failure('SANDBOX', 'start', thing, said);
  return failure('SANDBOX', 'start', thing, `no space left on device (${said})`, {
    hint: diskHints.ENOSPC ?? '',
  });
}

/** A hint for a program that ran and failed, from the end of its output; undefined when nothing is known. */
export function hintFromOutput(
  output: string,
  { emulated }: { readonly emulated: boolean },
): string | undefined {
  if (/mknod.*operation not permitted/i.test(output)) {
    return 'device nodes cannot be made inside a user namespace: leave mknod out, the sandbox has the usual devices in /dev';
  }
  if (
    /set(groups|e?[ug]id) \d+ failed|privilege dropping did not work|Could not switch (saved )?(user|group)/.test(
      output,
    )
  ) {
    return 'where steps have one id: apt-get -o APT::Sandbox::User=root, or more ids for this user (polyarch doctor), or --sandbox proot';
  }
  if (emulated && /uncaught target signal 11|qemu: uncaught/i.test(output)) {
    return 'the emulator crashed: try another version of qemu-user-static, or run the step on --platform=$BUILDPLATFORM';
  }
  if (/exec format error/i.test(output)) {
    return 'a program of the image is for another architecture than the step';
  }
  if (/no space left on device/i.test(output)) return diskHints.ENOSPC;
  return undefined;
}
