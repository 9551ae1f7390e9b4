/**
 * Docker's default seccomp profile, as a runtime spec carries it: resolved for a set of capabilities
 * and an architecture. Docker's conditions on the kernel's version are true wherever ctr runs.
 *
 * @see https://github.com/moby/profiles/blob/main/seccomp/default.json
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciSeccomp, OciSeccompArg, OciSeccompRule } from "../oci/mod.ts";

/** Calls that are allowed to everybody, on any architecture that has them. */
const ALLOWED =
  "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod " +
  "chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime " +
  "clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect " +
  "copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old " +
  "epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit " +
  "exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod " +
  "fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock " +
  "fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate " +
  "ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat getcpu " +
  "getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups " +
  "getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom " +
  "getresgid getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid " +
  "getsockname getsockopt get_thread_area gettid gettimeofday getuid getuid32 getxattr getxattrat " +
  "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel ioctl io_destroy " +
  "io_getevents io_pgetevents io_pgetevents_time64 ioprio_get ioprio_set io_setup io_submit ipc " +
  "kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr " +
  "link linkat listen listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek " +
  "lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore " +
  "mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify " +
  "mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink " +
  "mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at " +
  "nanosleep newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal pipe " +
  "pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 " +
  "prlimit64 process_mrelease process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace " +
  "pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg " +
  "recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename renameat renameat2 " +
  "restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo " +
  "rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo " +
  "sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min " +
  "sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity " +
  "sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop " +
  "semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto setfsgid " +
  "setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid " +
  "setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 " +
  "setrlimit set_robust_list setsid setsockopt set_thread_area set_tid_address setuid setuid32 " +
  "setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 " +
  "sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount statx " +
  "symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete " +
  "timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create " +
  "timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate " +
  "truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 " +
  "utimes vfork vmsplice wait4 waitid waitpid write writev";

const BY_ARCH: Readonly<Record<string, string>> = {
  x86_64: "arch_prctl modify_ldt",
  aarch64: "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
};

const SUB_ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  x86_64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  aarch64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
};

const BY_CAPABILITY: Readonly<Record<string, string>> = {
  CAP_DAC_READ_SEARCH: "open_by_handle_at",
  CAP_SYS_ADMIN: "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie " +
    "lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree " +
    "perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 " +
    "unshare",
  CAP_SYS_BOOT: "reboot",
  CAP_SYS_CHROOT: "chroot",
  CAP_SYS_MODULE: "delete_module init_module finit_module",
  CAP_SYS_PACCT: "acct",
  CAP_SYS_PTRACE: "kcmp pidfd_getfd process_madvise",
  CAP_SYS_RAWIO: "iopl ioperm",
  CAP_SYS_TIME: "settimeofday stime clock_settime clock_settime64",
  CAP_SYS_TTY_CONFIG: "vhangup",
  CAP_SYS_NICE: "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
  CAP_SYSLOG: "syslog",
  CAP_BPF: "bpf",
  CAP_PERFMON: "perf_event_open",
};

/** CLONE_NEW* but the time namespace, which clone(2) cannot make. */
const CLONE_NAMESPACES = 0x7e020000;
const PERSONALITIES = [0, 8, 0x20000, 0x20008, 0xffffffff];
/**
 * Address families from 12 on that a container may use: all but obsolete ones, AF_ALG (38), whose
 * kernel code is large and old, and AF_VSOCK (40), which reaches the hypervisor.
 */
const SOCKET_FAMILIES = [
  ...[13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39],
  ...[41, 42, 43, 44, 45],
];
const EPERM = 1;
const ENOSYS = 38;

/** Which default profile it is, for those that were made here: what it depends on. */
const variants = new WeakMap<OciSeccomp, string>();

/** Two default profiles of one variant are the same; undefined for others. */
export function defaultVariant(profile: OciSeccomp): string | undefined {
  return variants.get(profile);
}

/** The profile as a runtime spec carries it. */
export function defaultSeccomp(capabilities: readonly string[], arch: string): OciSeccomp {
  let names = `${ALLOWED} ${BY_ARCH[arch] ?? ""}`;
  let variant = arch;
  for (const capability in BY_CAPABILITY) {
    if (!capabilities.includes(capability)) continue;
    names += ` ${BY_CAPABILITY[capability]}`;
    variant += ` ${capability}`;
  }
  const syscalls: OciSeccompRule[] = [allow([...new Set(names.trim().split(" "))])];
  syscalls.push(allow(["socket"], { index: 0, value: 12, op: "SCMP_CMP_LT" }));
  for (const value of SOCKET_FAMILIES) {
    syscalls.push(allow(["socket"], { index: 0, value, op: "SCMP_CMP_EQ" }));
  }
  for (const value of PERSONALITIES) {
    syscalls.push(allow(["personality"], { index: 0, value, op: "SCMP_CMP_EQ" }));
  }
  if (!capabilities.includes("CAP_SYS_ADMIN")) {
    const value = CLONE_NAMESPACES;
    syscalls.push(allow(["clone"], { index: 0, value, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }));
    // Its flags are behind a pointer that a filter cannot read: callers fall back to clone(2).
    syscalls.push({ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS });
  }
  const profile: OciSeccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: SUB_ARCHITECTURES[arch] ?? [],
    syscalls,
  };
  variants.set(profile, variant);
  return profile;
}

/** A profile as a file has it: OCI's fields, or Docker's with their conditions. */
export interface SeccompProfile extends Omit<OciSeccomp, "syscalls"> {
  readonly archMap?:
    | readonly {
      readonly architecture: string;
      readonly subArchitectures?: readonly string[] | null;
    }[]
    | null;
  readonly syscalls?: readonly SeccompProfileRule[] | null;
}

/** A rule with Docker's conditions. */
export interface SeccompProfileRule extends Omit<OciSeccompRule, "names" | "args"> {
  readonly names?: readonly string[] | null;
  /** The old way to write one name. */
  readonly name?: string;
  readonly args?: readonly OciSeccompArg[] | null;
  readonly includes?: SeccompConditions | null;
  readonly excludes?: SeccompConditions | null;
}

interface SeccompConditions {
  readonly caps?: readonly string[] | null;
  /** As Go names them: `amd64`, `arm64`, `x32`. */
  readonly arches?: readonly string[] | null;
  /** Taken as given: ctr needs a kernel that is newer than any that profiles ask for. */
  readonly minKernel?: string;
}

/**
 * Decide a profile's conditions, so that only what a runtime spec knows is left.
 *
 * @throws {CtrError} `invalid_argument` when it is no profile
 */
export function resolveProfile(
  profile: SeccompProfile,
  capabilities: readonly string[],
  arch: string,
): OciSeccomp {
  const { archMap, syscalls, ...rest } = profile;
  if (typeof profile.defaultAction !== "string") {
    throw new CtrError({
      code: "invalid_argument",
      operation: "use seccomp profile",
      reason: "it has no defaultAction",
    });
  }
  const own = SUB_ARCHITECTURES[arch]?.[0] ?? "";
  const mapped = archMap?.find(({ architecture }) => architecture === own);
  const architectures = mapped === undefined
    ? profile.architectures
    : [own, ...mapped.subArchitectures ?? []];
  const goArch = ({ x86_64: "amd64", aarch64: "arm64" } as Record<string, string>)[arch] ?? arch;
  const rules: OciSeccompRule[] = [];
  for (const { name, names, args, includes, excludes, ...rule } of syscalls ?? []) {
    const { caps: withCaps, arches: onArches } = includes ?? {};
    const { caps: withoutCaps, arches: notOnArches, minKernel } = excludes ?? {};
    if (minKernel) continue; // a rule for kernels before that
    if (onArches?.length && !onArches.includes(goArch)) continue;
    if (notOnArches?.includes(goArch)) continue;
    if (withCaps?.some((cap) => !capabilities.includes(cap))) continue;
    if (withoutCaps?.some((cap) => capabilities.includes(cap))) continue;
    const { action, errnoRet } = rule;
    rules.push({
      names: names ?? (name === undefined ? [] : [name]),
      action,
      ...errnoRet === undefined ? {} : { errnoRet },
      ...args?.length ? { args } : {},
    });
  }
  return { ...rest, ...architectures === undefined ? {} : { architectures }, syscalls: rules };
}

function allow(names: readonly string[], ...args: readonly OciSeccompArg[]): OciSeccompRule {
  return args.length === 0
    ? { names, action: "SCMP_ACT_ALLOW" }
    : { names, action: "SCMP_ACT_ALLOW", args };
}
