/**
 * `containerd-shim-ctr-v2`: containerd's runtime `io.containerd.ctr.v2`. containerd calls it with `start`,
 * which prints where a shim listens, and with `delete` when a shim has died. With `serve`, which is for
 * `start` alone, it is the shim; then descriptor 3 is a pipe that wants to hear when it listens.
 *
 * It is a part of the program `ctr-oci` under another name, because both need the same of the engine.
 *
 * @see https://github.com/containerd/containerd/blob/main/core/runtime/v2/README.md
 * @module
 */

import { containerdShim } from "../../src/shim/mod.ts";
import { writeTo } from "../write.ts";

/** What the launcher calls the program. */
export const SHIM_NAME = "containerd-shim-ctr-v2";

const READY_FD = 3;

/** Run it. @returns the exit code; not at all for a shim, which ends by itself */
export async function main(argv: readonly string[]): Promise<number> {
  const warn = (message: string) => writeTo(2, `${message}\n`);
  try {
    return await run(argv, warn);
  } catch (error) {
    warn((error as Error).message);
    return 1;
  }
}

async function run(argv: readonly string[], warn: (message: string) => void): Promise<number> {
  const { env } = process;
  const shim = await containerdShim();
  const { command, bundle = process.cwd(), ...given } = shim.shimArguments(argv);
  switch (command) {
    case "version": {
      const { VERSION } = await import("../version.ts");
      writeTo(1, `${SHIM_NAME}:\n  Version:  ${VERSION}\n`);
      return 0;
    }
    case "start": {
      const { startShim } = await shim.start();
      writeTo(1, await startShim({ ...given, bundle, env, script: process.argv[1]! }));
      return 0;
    }
    case "delete": {
      const { deleteRemains } = await shim.remove();
      writeTo(1, await deleteRemains({ id: given.id, bundle, env, warn }));
      return 0;
    }
    case "serve": {
      const { serve } = await shim.serve();
      return await new Promise((resolve) => {
        const { reap } = serve({ ...given, env, ready: READY_FD, warn, exit: () => resolve(0) });
        process.on("SIGCHLD", reap);
        for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
      });
    }
  }
}
