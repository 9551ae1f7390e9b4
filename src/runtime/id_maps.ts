/**
 * Tells the kernel what a user namespace's ids are on the host.
 *
 * @see https://man7.org/linux/man-pages/man7/user_namespaces.7.html
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciIdMapping, OciLinux } from "../oci/mod.ts";
import { exists, type ProgramBuilder, spawnHost, waitFor, writeFile } from "../program/mod.ts";

/**
 * Write the maps of a process that waits in its new user namespace.
 *
 * @throws {CtrError} `permission_denied` when neither this process nor `newuidmap` may
 */
export function mapIds(pid: number, { uidMappings = [], gidMappings = [] }: OciLinux): void {
  if (uidMappings.length === 0 || gidMappings.length === 0) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "create user namespace",
      reason: "uidMappings and gidMappings must both say something",
    });
  }
  writeMap(pid, "gid", gidMappings);
  writeMap(pid, "uid", uidMappings);
}

function writeMap(pid: number, kind: "uid" | "gid", mappings: readonly OciIdMapping[]): void {
  const text = idMapText(mappings);
  try {
    writeFile(`/proc/${pid}/${kind}_map`, text);
    return;
  } catch (error) {
    if ((error as { errnoName?: string }).errnoName !== "EPERM") throw error;
  }
  // Without privilege: one's own id alone, or what /etc/subuid grants, through its setuid program.
  if (mappings.length === 1 && mappings[0]!.size === 1) {
    if (kind === "gid") writeFile(`/proc/${pid}/setgroups`, "deny");
    writeFile(`/proc/${pid}/${kind}_map`, text);
    return;
  }
  const program = ["/usr/bin", "/usr/local/bin", "/bin"].map((dir) => `${dir}/new${kind}map`)
    .find(exists);
  if (program === undefined) throw refused(kind, `there is no program new${kind}map`);
  const numbers = mappings.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size]);
  const argv = [program, String(pid), ...numbers.map(String)];
  const helper = spawnHost({ argv, env: [], fds: [0, 1, 2] });
  const ended = waitFor(helper, { block: true });
  if (ended?.exitCode !== 0) throw refused(kind, `${argv.join(" ")} failed`);
}

function refused(kind: string, reason: string): CtrError {
  return new CtrError({
    code: "permission_denied",
    operation: `map ${kind}s`,
    reason,
    hint: `see /etc/sub${kind} and newuidmap(1)`,
  });
}

/**
 * Give stdio to a user of a user namespace, so that `/dev/stdout` can be opened. Inside, nobody could:
 * the pipes' owner has no id there.
 *
 * @param user the id inside
 */
export function giveStdioSteps(
  p: ProgramBuilder,
  { stdio, own, user, uidMappings = [] }: {
    readonly stdio: readonly number[];
    /** Which of `stdio`. */
    readonly own: readonly number[];
    readonly user: number;
    readonly uidMappings: readonly OciIdMapping[] | undefined;
  },
): void {
  const hostId = hostIdOf(user, uidMappings);
  if (hostId === undefined) return;
  for (const index of own) {
    p.step("fchown", [stdio[index]!, hostId, -1], { name: "own stdio", mayFail: true });
  }
}

/** What an id of a user namespace is on the host; undefined: nothing. */
export function hostIdOf(id: number, mappings: readonly OciIdMapping[]): number | undefined {
  const mapping = mappings.find(({ containerID, size }) =>
    id >= containerID && id - containerID < size
  );
  return mapping === undefined ? undefined : mapping.hostID + id - mapping.containerID;
}

/** The text of `/proc/PID/uid_map`. */
export function idMapText(mappings: readonly OciIdMapping[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`)
    .join("");
}
