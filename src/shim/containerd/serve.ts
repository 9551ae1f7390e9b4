/**
 * A shim that serves containerd, until that tells it to end.
 *
 * @module
 */

import { call, close, unlink, writeAll } from "../../program/mod.ts";
import { ShimServer } from "../server.ts";
import { stateDir } from "./address.ts";
import type { ShimArguments } from "./arguments.ts";
import { ForeignTasks } from "./foreign_tasks.ts";
import { Publisher } from "./publisher.ts";

const PR_SET_NAME = 15;

/** What it needs. */
export interface ServeOptions
  extends Pick<ShimArguments, "namespace" | "socket" | "address" | "publishBinary"> {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Descriptor of a pipe: a byte tells that it listens. */
  readonly ready: number;
  readonly warn: (message: string) => void;
  readonly exit: () => void;
}

/** Serve. @returns what to call when children have ended */
export function serve(options: ServeOptions): { readonly reap: () => void } {
  const { namespace, socket, address, publishBinary, env, warn } = options;
  // Those who look for shims look for this name.
  call("prctl", "name", PR_SET_NAME, new TextEncoder().encode("containerd-shim\0"), 0, 0, 0);
  const publisher = new Publisher({
    namespace,
    ttrpcAddress: env["TTRPC_ADDRESS"] || undefined,
    command: publishBinary === "" ? undefined : [publishBinary, "--address", address],
    env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    warn,
  });
  const end = async () => {
    await publisher.flushed();
    unlink(socket);
    options.exit();
  };
  const server: ShimServer = new ShimServer({
    shimStartTicks: 0,
    foreign: new ForeignTasks({
      namespace,
      root: `${stateDir(options)}/ctr`,
      env,
      publisher,
      warn,
      reapAgain: () => server.reap(),
    }),
    onIdle: () => void end(),
    cleanUp: () => 0,
  });
  server.listenAt(socket);
  writeAll(options.ready, Uint8Array.of(1), "ready");
  close(options.ready);
  return { reap: () => server.reap() };
}
