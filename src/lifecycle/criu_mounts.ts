/**
 * The mounts of a container that belong to the host: CRIU saves no more of them than their names, and is
 * told at restore what they are.
 *
 * @module
 */

import type { OciSpec } from "../oci/mod.ts";

/** A mount whose content is not saved. */
export interface ExternalMount {
  readonly destination: string;
  readonly source: string;
}

/** Made as nodes; in a user namespace, where none can be made, the host's are mounted. */
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"].map((name) => `/dev/${name}`);

/**
 * All mounts of a spec that are or could be the host's: whether there is a device or a masked file is
 * known from a running container only. A place that is not mounted does no harm.
 *
 * @param options.cgroups the container's directories in the hierarchies, by the names of those places
 * @param options.hierarchy version 2: where the whole of it is
 */
export function externalMounts(
  { mounts = [], linux = {} }: OciSpec,
  { bundle, cgroups, hierarchy }: {
    readonly bundle: string;
    readonly cgroups: ReadonlyMap<string, string>;
    readonly hierarchy?: string | undefined;
  },
): ExternalMount[] {
  const { namespaces = [], devices = [], maskedPaths = [] } = linux;
  const own = namespaces.some(({ type }) => type === "cgroup" || type === "user");
  const found: ExternalMount[] = [];
  for (const { destination, type = "", source = "", options = [] } of mounts) {
    const place = normal(destination);
    if (type === "cgroup" || type === "cgroup2") {
      for (const [name, directory] of cgroups) {
        if (hierarchy === undefined) {
          found.push({ destination: `${place}/${name}`, source: directory });
        } else found.push({ destination: place, source: own ? directory : hierarchy });
      }
    } else if (type === "bind" || options.some((option) => /^r?bind$/.test(option))) {
      found.push({
        destination: place,
        source: source.startsWith("/") ? source : `${bundle}/${source}`,
      });
    }
  }
  const nodes = [...DEVICES, ...devices.map(({ path }) => path)];
  found.push(...nodes.map((path) => ({ destination: normal(path), source: path })));
  found.push(...maskedPaths.map((path) => ({ destination: normal(path), source: "/dev/null" })));
  // What was mounted last covers the others.
  return [...new Map(found.map((mount) => [mount.destination, mount])).values()];
}

/**
 * Those that a running container has.
 *
 * @param mountinfo the text of its `/proc/PID/mountinfo`
 */
export function presentMounts(
  mounts: readonly ExternalMount[],
  mountinfo: string,
): ExternalMount[] {
  const roots = new Map(
    mountinfo.split("\n").map((line) => line.split(" ")).filter((fields) => fields.length > 5)
      .map((fields) => [unescaped(fields[4]!), fields[3]!]),
  );
  return mounts.filter(({ destination, source }) => {
    const root = roots.get(destination);
    // A directory is masked by a file system of its own, which CRIU saves.
    return root !== undefined && (source !== "/dev/null" || root !== "/");
  });
}

function unescaped(path: string): string {
  return path.replace(/\\(\d{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}

function normal(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return `/${parts.join("/")}`;
}
