/**
 * The environment that runc gives to a process: callers leave `HOME` to their runtime.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciProcess, OciSpec } from "../oci/mod.ts";
import { readTextIfExists } from "../program/mod.ts";
import { homeOf, layerReader, processReader } from "../runtime/mod.ts";

/** Gives the text of `/etc/passwd`. */
type Passwd = () => string;

/**
 * A process with all of its environment: of a name that is there twice the last value counts, and `HOME`
 * is that of its user.
 *
 * @throws {CtrError} `invalid_argument` for an entry without a name or a value
 */
export function withEnvironment(process: OciProcess, passwd: Passwd): OciProcess {
  const { env = [], user } = process;
  const nameless = env.find((entry) => !/^[^=]+=/.test(entry));
  if (nameless !== undefined) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "use process.env",
      reason: `invalid environment variable: ${JSON.stringify(nameless)}`,
    });
  }
  const values = new Map(env.map((entry) => [entry.split("=", 1)[0]!, entry]));
  if ((values.get("HOME") ?? "HOME=") === "HOME=") {
    values.set("HOME", `HOME=${homeOf(user?.uid ?? 0, quietly(passwd))}`);
  }
  return { ...process, env: [...values.values()] };
}

/** What a new container has in its `/etc/passwd`: a file that is mounted there, or its root's. */
export function bundlePasswd(rootfs: string, { mounts = [] }: OciSpec): Passwd {
  const mounted = mounts.findLast(({ destination }) => destination === "/etc/passwd")?.source;
  return () =>
    mounted === undefined ? layerReader([rootfs])("etc/passwd") : readTextIfExists(mounted) ?? "";
}

/** What a running one has there. */
export function containerPasswd(pid: number): Passwd {
  return () => processReader(pid)("etc/passwd");
}

/** Without one, all are at home in `/`. What is wrong with the root is for others to say. */
function quietly(passwd: Passwd): string {
  try {
    return passwd();
  } catch {
    return "";
  }
}
