/**
 * The shim's program. It finds two connected sockets: 3 for the Task API, 4 for the first attached
 * client. Everything else, such as which container it is for, comes with the Create request.
 *
 * @module
 */

import { type Connection, connection } from "../../ffi/mod.ts";
import { readText, spawnHost } from "../program/mod.ts";
import { ShimServer } from "./server.ts";

const stat = readText("/proc/self/stat");
const server = new ShimServer({
  shimStartTicks: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]),
  onIdle: () => process.exit(0),
  cleanUp: (argv) => spawnHost({ argv, env: environment(), fds: [0, 1, 2], newSession: true }),
});

process.on("SIGCHLD", () => server.reap());
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

for (const fd of [3, 4]) {
  const client: Connection = connection(fd, server.accept(() => client));
}

function environment(): string[] {
  return Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
}
