/**
 * `ctr-oci kill`.
 *
 * @module
 */

import { CtrError } from "../../src/errors.ts";
import { killContainer } from "../../src/lifecycle/mod.ts";
import { parseSignal } from "../../src/linux/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "kill",
  usage: "[options] CONTAINER [SIGNAL]",
  summary: "Send a signal to a container's first process (default SIGTERM)",
  args: [1, 2],
  flags: {
    "all": { type: "bool", short: "a", hidden: true, help: "To all its processes" },
  },
}, async ({ root }, { flags, args }) => {
  const [id, name = "SIGTERM"] = args as [string, string?];
  const signal = parseSignal(name);
  if (signal === undefined) {
    const reason = "unknown signal";
    throw new CtrError({ code: "invalid_argument", operation: "send", subject: name, reason });
  }
  await killContainer({ root, id }, { signal, all: flags.all });
  return 0;
});
