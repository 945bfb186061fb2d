import { closeSync, openSync } from 'node:fs';
import { failure } from '../../../lib/errors.ts';
import type { SeccompProfile, SeccompRule } from '../seccomp-profile.ts';

/** Debian's libseccomp2, which apt and systemd need too. */
const library = 'libseccomp.so.2';
const actions: Readonly<Record<string, number>> = { SCMP_ACT_ALLOW: 0x7fff0000, SCMP_ACT_ERRNO: 0x00050000 };
const operators: Readonly<Record<string, number>> = {
  SCMP_CMP_LT: 2,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};
const alreadyThere = -17;
/** __NR_SCMP_ERROR. */
const unknownCall = -1;

/**
 * Writes a profile as the kernel takes it (BPF, seccomp(2)) to a new file. False where there is no libseccomp. One file serves all programs of a build: making it takes
 * as long as starting several.
 */
export async function writeSeccompFilter(profile: SeccompProfile, path: string): Promise<boolean> {
  const { default: koffi } = await import('koffi');
  let seccomp: ReturnType<typeof koffi.load>;
  try {
    seccomp = koffi.load(library);
  } catch {
    return false;
  }
  const init = seccomp.func('void* seccomp_init(uint32_t)');
  const resolveArchitecture = seccomp.func('uint32_t seccomp_arch_resolve_name(const char*)');
  const addArchitecture = seccomp.func('int seccomp_arch_add(void*, uint32_t)');
  const resolveCall = seccomp.func('int seccomp_syscall_resolve_name(const char*)');
  const addRule = seccomp.func('int seccomp_rule_add_array(void*, uint32_t, int, unsigned int, void*)');
  const exportFilter = seccomp.func('int seccomp_export_bpf(void*, int)');
  const release = seccomp.func('void seccomp_release(void*)');
  const checked = (result: number, what: string): void => {
    if (result < 0) throw failure('SANDBOX', 'filter', 'system calls', `${what}: errno ${-result}`);
  };
  const context: unknown = init(action(profile.defaultAction, profile.defaultErrnoRet));
  for (const name of profile.architectures) {
    const token: number = resolveArchitecture(name.replace('SCMP_ARCH_', '').toLowerCase());
    const added: number = token === 0 ? 0 : addArchitecture(context, token);
    checked(added === alreadyThere ? 0 : added, name);
  }
  for (const rule of profile.syscalls) {
    const conditions = conditionsOf(rule);
    for (const name of rule.names) {
      const number: number = resolveCall(name);
      if (number === unknownCall) continue;
      const count = conditions.length / conditionWords;
      checked(addRule(context, action(rule.action, rule.errnoRet), number, count, conditions), name);
    }
  }
  const fd = openSync(path, 'wx', 0o600);
  try {
    checked(exportFilter(context, fd), 'export');
  } finally {
    closeSync(fd);
    release(context);
  }
  return true;
}

const conditionWords = 3;

/** struct scmp_arg_cmp: argument and operator of 32 bits each, two values of 64. */
export function conditionsOf({ args = [] }: SeccompRule): BigUint64Array {
  const words = new BigUint64Array(args.length * conditionWords);
  const halves = new Uint32Array(words.buffer);
  for (const [position, { index, op, value, valueTwo }] of args.entries()) {
    halves[position * conditionWords * 2] = index;
    halves[position * conditionWords * 2 + 1] = operators[op] ?? 0;
    words[position * conditionWords + 1] = BigInt(value);
    words[position * conditionWords + 2] = BigInt(valueTwo ?? 0);
  }
  return words;
}

function action(name: string, errno = 0): number {
  const base = actions[name];
  if (base === undefined) throw failure('SANDBOX', 'filter', 'system calls', `no action ${name}`);
  return name === 'SCMP_ACT_ERRNO' ? base + errno : base;
}
