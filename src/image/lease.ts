/**
 * Work on the store that needs things before they have a name.
 *
 * @module
 */

import { codeOf } from "../errors.ts";
import type { Lease } from "../state/mod.ts";
import type { ImagesOptions } from "./images.ts";
import { sweep } from "./sweep.ts";

/** How long what an interrupted pull has brought is worth keeping: as in containerd. */
const KEEP_MS = 24 * 60 * 60 * 1000;

/** Errors after which the same command may well succeed. */
const INTERRUPTED = ["canceled", "deadline_exceeded", "unavailable", "internal"];

/**
 * Do something under a lease. When it fails what it brought is collected; except, for `resumable`
 * work, when it was only interrupted.
 */
export async function leased<T>(
  options: ImagesOptions,
  purpose: string,
  work: (lease: Lease) => Promise<T>,
  { resumable = false }: { readonly resumable?: boolean } = {},
): Promise<T> {
  const leases = await options.state.leases();
  const lease = leases.take(purpose, resumable ? { keepMs: KEEP_MS } : {});
  try {
    const result = await work(lease);
    lease.end();
    return result;
  } catch (error) {
    if (resumable && INTERRUPTED.includes(codeOf(error))) {
      lease.leave();
    } else {
      const brought = leases.held(lease.id).length > 0;
      lease.end();
      if (brought) await sweep(options, { keepInterrupted: true }).catch(() => {}); // the first error counts
    }
    throw error;
  }
}
