/**
 * Whether to try again, and when.
 *
 * @module
 */

import { clearTimeout, setTimeout } from "node:timers";
import { CtrError } from "../errors.ts";
import { chainText } from "./reach.ts";
import { RegistryError } from "./registry_error.ts";

/** A registry that wants us to wait longer than this is not waited for. */
const MOST_PAUSE_MS = 60_000;
/** Nobody listens there, or it is somebody else: that does not pass within seconds. */
const HOPELESS =
  /ECONNREFUSED|ENOTFOUND|Unable to connect|Connection refused|dns error|certificate|SELF_SIGNED|issuer/i;

/** Whether a failure may pass within seconds. */
export function mayPass(error: unknown): boolean {
  const passing = error instanceof RegistryError
    ? error.status === 0 || error.status === 408 || error.status >= 500 || error.status === 429
    : !(error instanceof CtrError) || error.code === "deadline_exceeded";
  return passing && !HOPELESS.test(chainText(error)) && askedMs(error) <= MOST_PAUSE_MS;
}

/** How long to wait after a failure: growing, or as the registry asks. */
export function pauseMs(error: unknown, attempt: number, firstMs = 250): number {
  // Clients that failed together must not come back together.
  const backOffMs = firstMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
  return Math.max(askedMs(error), backOffMs);
}

function askedMs(error: unknown): number {
  return error instanceof RegistryError ? error.retryAfterMs ?? 0 : 0;
}

/** Wait, unless `signal` says that nobody does. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
