/**
 * `ctr port`.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import type { PortRecord } from "../src/state/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "port",
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  summary: "List port mappings or a specific mapping for the container",
  args: [1, 2],
  flags: {},
}, async (context, { args: [reference, wanted] }) => {
  const engine = context.engine();
  const { id, name } = engine.state.containers.resolve(reference!, "list ports");
  const { ports } = (await engine.networks()).allocationOf(id);
  if (wanted === undefined) {
    for (const port of ports) {
      context.out(`${port.port}/${port.protocol} -> ${hostPort(port)}\n`);
    }
    return 0;
  }
  const [number, protocol = "tcp"] = wanted.split("/", 2);
  const found = ports.filter((port) =>
    String(port.port) === number && port.protocol === protocol.toLowerCase()
  );
  if (found.length === 0) {
    throw new CtrError({
      code: "not_found",
      operation: "list ports",
      subject: name,
      reason: `no public port '${number}/${protocol}' published`,
    });
  }
  for (const port of found) context.out(`${hostPort(port)}\n`);
  return 0;
});

function hostPort({ hostAddress, hostPort }: PortRecord): string {
  return `${hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress}:${hostPort}`;
}
