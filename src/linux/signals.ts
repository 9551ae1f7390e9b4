/**
 * Signal names and numbers of Linux on x86-64 and aarch64.
 *
 * @module
 */

/** Numbers by name, without the real-time signals. */
export const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
} as const;

/**
 * What people write for a signal: `TERM`, `SIGTERM`, `sigterm`, `15`, `SIGRTMIN+3`.
 *
 * @returns the number, or undefined when it is not a signal.
 */
export function parseSignal(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= 64 ? number : undefined;
  }
  const name = "SIG" + text.toUpperCase().replace(/^SIG/, "");
  const realtime = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realtime) {
    const offset = Number(realtime[3] ?? 0) * (realtime[2] === "-" ? -1 : 1);
    const number = (realtime[1] === "MIN" ? 34 : 64) + offset;
    return number >= 34 && number <= 64 ? number : undefined;
  }
  if (name === "SIGCLD") return SIGNALS.SIGCHLD;
  if (name === "SIGPOLL") return SIGNALS.SIGIO;
  return (SIGNALS as Readonly<Record<string, number>>)[name];
}
