/**
 * Signals that are passed on to a process in a container.
 *
 * @module
 */

const FORWARDED = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15 };

/** Pass signals on until the returned function is called. One that comes too late is nobody's. */
export function forwardSignals(kill: (signal: number) => Promise<void>): () => void {
  const undo = Object.entries(FORWARDED).map(([name, number]) => {
    const forward = () => void kill(number).catch(() => {});
    process.on(name as NodeJS.Signals, forward);
    return () => void process.off(name as NodeJS.Signals, forward);
  });
  return () => undo.forEach((step) => step());
}
