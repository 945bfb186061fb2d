/** Linux's names of the processor architectures, by Node's: the first is the kernel's own, the others run on it too. */
const architectures: Readonly<Record<string, readonly string[]>> = {
  arm: ['SCMP_ARCH_ARM'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  ia32: ['SCMP_ARCH_X86'],
  loong64: ['SCMP_ARCH_LOONGARCH64'],
  mips: ['SCMP_ARCH_MIPS'],
  mipsel: ['SCMP_ARCH_MIPSEL'],
  ppc64: ['SCMP_ARCH_PPC64LE'],
  riscv64: ['SCMP_ARCH_RISCV64'],
  s390x: ['SCMP_ARCH_S390X', 'SCMP_ARCH_S390'],
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
};

/** What Docker lets every container call that has its default capabilities (moby/profiles, seccomp/default.json, of 2026); a runtime skips names that it does not know. */
const allowed = `
  _llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 chroot clock_adjtime
  clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range
  connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
  epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir
  fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat
  fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake
  futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups
  getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32
  getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init
  inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get
  ioprio_set ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen
  listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create
  memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive
  mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
  name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free
  pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv process_vm_writev pselect6
  pselect6_time64 ptrace pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg
  remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending
  rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max
  sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
  sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget
  semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address
  setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid
  setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt
  shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount
  statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
  timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times
  tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4
  waitid waitpid write writev
`;

/** The same of one architecture. */
const allowedOn: Readonly<Record<string, string>> = {
  arm: 'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls',
  arm64: 'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls',
  ia32: 'modify_ldt',
  ppc64: 'sync_file_range2 swapcontext',
  riscv64: 'riscv_flush_icache',
  s390x: 's390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr',
  x64: 'arch_prctl modify_ldt',
};

/** Personalities that change nothing of note: PER_LINUX, PER_LINUX32 and both with UNAME26; the last one asks for the present one. */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

/** CLONE_NEW* of clone(2): making a namespace. */
const newNamespaces = 0x7e020000;

/** AF_ALG: the kernel's cryptography. AF_VSOCK: the host of a virtual machine. */
const refusedFamilies = [38, 40];

/**
 * What succeeds and changes nothing where there is one id: package managers give files away and drop privileges, and would fail over ids that no
 * namespace maps (Charliecloud's `--force=seccomp` does the same).
 */
const pretended = words(`
  chown chown32 fchown fchown32 fchownat lchown lchown32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid
  setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32
`);

const permission = 1;
const noSuchCall = 38;

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly {
    readonly index: number;
    readonly value: number;
    readonly valueTwo?: number;
    readonly op: string;
  }[];
}

/** `linux.seccomp` (OCI runtime-spec, config-linux.md). */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

/** Docker's default seccomp profile as `linux.seccomp` of an OCI config.json; undefined on a processor that is not known. `architecture` is Node's `process.arch`. */
export function seccompProfile(
  architecture: string,
  options: { readonly singleId?: boolean } = {},
): SeccompProfile | undefined {
  const known = architectures[architecture];
  if (known === undefined) return undefined;
  const allow = (names: readonly string[], args?: SeccompRule['args']): SeccompRule => ({
    names,
    action: 'SCMP_ACT_ALLOW',
    ...(args && { args }),
  });
  const withheld = (names: readonly string[]): readonly string[] =>
    options.singleId ? names.filter((name) => !pretended.includes(name)) : names;
  const [lowest = 0, highest = 0] = refusedFamilies;
  // s390 has clone's flags in the second place.
  const flags = architecture === 's390x' ? 1 : 0;
  const syscalls: SeccompRule[] = [
    ...(options.singleId ? [{ names: pretended, action: 'SCMP_ACT_ERRNO', errnoRet: 0 }] : []),
    allow(withheld([...words(allowed), ...words(allowedOn[architecture] ?? '')])),
    allow(['socket'], [{ index: 0, value: lowest, op: 'SCMP_CMP_LT' }]),
    allow(['socket'], [{ index: 0, value: lowest + 1, op: 'SCMP_CMP_EQ' }]),
    allow(['socket'], [{ index: 0, value: highest, op: 'SCMP_CMP_GT' }]),
    ...personalities.map((value) => allow(['personality'], [{ index: 0, value, op: 'SCMP_CMP_EQ' }])),
    allow(['clone'], [{ index: flags, value: newNamespaces, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }]),
    // Its flags are behind a pointer: a C library that is told so falls back to clone.
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: noSuchCall },
  ];
  return { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: permission, architectures: known, syscalls };
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
