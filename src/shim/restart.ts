/**
 * When a container that has ended is started again, as Docker does it: after a tenth of a second, then
 * twice as long each time, up to a minute; anew when it has run for a while.
 *
 * @see https://docs.docker.com/engine/containers/start-containers-automatically/
 * @module
 */

import { SIGNALS } from "../linux/mod.ts";
import { ownerParts } from "../runtime/mod.ts";
import type { RestartOptions } from "./task_api.ts";
import type { ProcessExit, TaskState } from "./types.ts";

const FIRST_MS = 100;
const LONGEST_MS = 60_000;
/** Who runs so long has started well. */
const WELL_MS = 10_000;

/** A start to come. */
export interface NextStart {
  /** Which one it is, from 1. */
  readonly count: number;
  readonly delayMs: number;
}

/** Whether and when; undefined when the policy does not want it. */
export function nextStart(
  { policy, maxRetries, count, delayMs }: Omit<RestartOptions, "argv" | "stopSignal">,
  { exitCode, ranMs }: { readonly exitCode: number; readonly ranMs: number },
): NextStart | undefined {
  if (policy === "on-failure") {
    if (exitCode === 0 || (maxRetries > 0 && count >= maxRetries)) return undefined;
  }
  const last = ranMs >= WELL_MS ? 0 : delayMs;
  return { count: count + 1, delayMs: Math.min(Math.max(last * 2, FIRST_MS), LONGEST_MS) };
}

/** What is decided about one task: by its policy, and by those who want it to stop. */
export class RestartKeeper {
  readonly #options: RestartOptions | undefined;
  readonly #changed: () => void;
  #next: NextStart | undefined;
  #stopped = false;
  #error = "";
  #wake = () => {};

  /** @param changed called when {@link RestartKeeper.state} says something else */
  constructor(options: RestartOptions | undefined, changed: () => void) {
    this.#options = options;
    this.#changed = changed;
  }

  /** Whether a start is to come. */
  get pending(): boolean {
    return this.#next !== undefined;
  }

  /** It was sent a signal by somebody who may want it to stop. @returns whether there is nobody to get it */
  signalled(signal: number): boolean {
    if (this.#options === undefined) return false;
    // 0 is for those who stop it with another signal.
    const stops = [0, SIGNALS.SIGKILL, this.#options.stopSignal].includes(signal);
    if (stops) this.#stopped = true;
    if (!stops || !this.pending) return false;
    this.cancel();
    return true;
  }

  /** It has ended. */
  ended({ exitCode, exitedAt }: ProcessExit, startedAt: number): void {
    if (this.#options === undefined || this.#stopped) return;
    this.#next = nextStart(this.#options, { exitCode, ranMs: exitedAt - startedAt });
  }

  /** There will be no start after all. */
  cancel(): void {
    this.#next = undefined;
    this.#wake();
  }

  /** What the state of the task says of it. */
  get state(): Partial<TaskState> {
    if (this.#options === undefined) return {};
    const { count, delayMs } = this.#next ?? this.#options;
    return {
      ...this.pending ? { status: "restarting" } : {},
      ...this.#error === "" ? {} : { error: this.#error },
      restartCount: count,
      restartDelayMs: delayMs,
      stoppedByRequest: this.#stopped,
    };
  }

  /**
   * Wait for the time of the start to come, and have it started by others.
   *
   * @param run starts a command and returns its process
   */
  async start(
    { forget, run }: {
      readonly forget: () => void;
      readonly run: (argv: readonly string[]) => number;
    },
  ): Promise<void> {
    await this.#due();
    if (!this.pending) return this.#changed();
    // Whoever looks for it now waits for the next shim.
    forget();
    const { childEnded } = await ownerParts();
    const code = await childEnded(run(this.#options!.argv));
    if (code === 0) return;
    this.#error = `it could not be started again: exit code ${code}`;
    this.#next = undefined;
    this.#changed();
  }

  async #due(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, this.#next?.delayMs ?? 0);
    });
    clearTimeout(timer);
  }
}
