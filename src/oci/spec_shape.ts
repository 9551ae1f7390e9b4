/**
 * What the fields of a `config.json` are: strings, whole numbers, lists. Fields that are not here may be
 * anything.
 *
 * @see https://github.com/opencontainers/runtime-spec/tree/main/schema
 * @module
 */

/** `"*"` is the shape of all members. A list has a shape for its entries. */
export type Shape =
  | "string"
  | "boolean"
  | "integer"
  /** An integer or, where a number could not hold it, a string of digits. */
  | "digits"
  | readonly [Shape]
  | { readonly [member: string]: Shape };

/**
 * Compare a value with a shape. A spec has a thousand values, and is read by a program that has just
 * begun: nothing is made as long as all is well.
 *
 * @returns what is wrong, `process.args[1] is no string`, or nothing
 */
export function mismatch(value: unknown, shape: Shape): string | undefined {
  const found = compare(value, shape);
  if (found === undefined) return undefined;
  return `${found.place === "" ? "it" : found.place.replace(/^\./, "")} is no ${found.kind}`;
}

interface Mismatch {
  readonly place: string;
  readonly kind: string;
}

function compare(value: unknown, shape: Shape): Mismatch | undefined {
  if (shape === "string") return typeof value === "string" ? undefined : none("string");
  if (shape === "boolean") return typeof value === "boolean" ? undefined : none("boolean");
  if (shape === "integer") return Number.isInteger(value) ? undefined : none("integer");
  if (shape === "digits") {
    const fits = typeof value === "string" ? /^\d+$/.test(value) : Number.isInteger(value);
    return fits ? undefined : none("integer");
  }
  if (isList(shape)) {
    if (!Array.isArray(value)) return none("list");
    const inner = shape[0];
    for (let i = 0; i < value.length; i++) {
      if (inner === "string" && typeof value[i] === "string") continue;
      const found = compare(value[i], inner);
      if (found !== undefined) return { place: `[${i}]${found.place}`, kind: found.kind };
    }
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return none("object");
  for (const key in value) {
    const inner = Object.hasOwn(shape, key) ? shape[key] : shape["*"];
    if (inner === undefined) continue;
    const found = compare((value as Record<string, unknown>)[key], inner);
    if (found !== undefined) return { place: `.${key}${found.place}`, kind: found.kind };
  }
  return undefined;
}

function none(kind: string): Mismatch {
  return { place: "", kind };
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}

/** Members of one kind. */
const all = (kind: Shape, ...names: readonly string[]): Record<string, Shape> =>
  Object.fromEntries(names.map((name) => [name, kind]));
const strings = (...names: readonly string[]) => all("string", ...names);
const integers = (...names: readonly string[]) => all("integer", ...names);
const lists = (...names: readonly string[]) => all(["string"], ...names);

const MAPPINGS: Shape = [integers("containerID", "hostID", "size")];
const HOOKS: Shape = [{ ...strings("path"), ...lists("args", "env"), timeout: "integer" }];

/** `process`. */
export const PROCESS_SHAPE: Shape = {
  terminal: "boolean",
  consoleSize: integers("height", "width"),
  user: { ...integers("uid", "gid", "umask"), additionalGids: ["integer"] },
  ...lists("args", "env"),
  ...strings("cwd", "apparmorProfile", "selinuxLabel"),
  capabilities: lists("bounding", "effective", "inheritable", "permitted", "ambient"),
  rlimits: [{ type: "string", ...integers("soft", "hard") }],
  noNewPrivileges: "boolean",
  oomScoreAdj: "integer",
  scheduler: {
    ...strings("policy"),
    ...lists("flags"),
    ...integers("nice", "priority", "runtime", "deadline", "period"),
  },
  ioPriority: { class: "string", priority: "integer" },
  execCPUAffinity: strings("initial", "final"),
};

const DEVICE = integers("major", "minor");
const THROTTLES: Shape = [{ ...DEVICE, rate: "integer" }];

const RESOURCES: Shape = {
  devices: [{ allow: "boolean", ...strings("type", "access"), ...DEVICE }],
  memory: {
    ...integers("limit", "reservation", "swap", "kernel", "kernelTCP", "swappiness"),
    ...all("boolean", "disableOOMKiller", "useHierarchy", "checkBeforeUpdate"),
  },
  cpu: {
    ...integers("shares", "quota", "burst", "period", "realtimeRuntime", "realtimePeriod", "idle"),
    ...strings("cpus", "mems"),
  },
  pids: integers("limit"),
  blockIO: {
    ...integers("weight", "leafWeight"),
    weightDevice: [{ ...DEVICE, ...integers("weight", "leafWeight") }],
    ...all(THROTTLES, "throttleReadBpsDevice", "throttleWriteBpsDevice"),
    ...all(THROTTLES, "throttleReadIOPSDevice", "throttleWriteIOPSDevice"),
  },
  hugepageLimits: [{ pageSize: "string", limit: "integer" }],
  network: { classID: "integer", priorities: [{ name: "string", priority: "integer" }] },
  rdma: { "*": integers("hcaHandles", "hcaObjects") },
  unified: { "*": "string" },
};

const SECCOMP: Shape = {
  ...strings("defaultAction", "listenerPath", "listenerMetadata"),
  defaultErrnoRet: "integer",
  ...lists("architectures", "flags"),
  syscalls: [{
    ...lists("names"),
    ...strings("action"),
    errnoRet: "integer",
    args: [{ index: "integer", op: "string", ...all("digits", "value", "valueTwo") }],
  }],
};

/** All of it. */
export const SPEC_SHAPE: Shape = {
  ...strings("ociVersion", "hostname", "domainname"),
  process: PROCESS_SHAPE,
  root: { path: "string", readonly: "boolean" },
  mounts: [{
    ...strings("destination", "type", "source"),
    ...lists("options"),
    uidMappings: MAPPINGS,
    gidMappings: MAPPINGS,
  }],
  hooks: all(
    HOOKS,
    ...["prestart", "createRuntime", "createContainer", "startContainer"],
    ...["poststart", "poststop"],
  ),
  annotations: { "*": "string" },
  linux: {
    namespaces: [strings("type", "path")],
    uidMappings: MAPPINGS,
    gidMappings: MAPPINGS,
    timeOffsets: { "*": integers("secs", "nanosecs") },
    devices: [{ ...strings("type", "path"), ...DEVICE, ...integers("fileMode", "uid", "gid") }],
    netDevices: { "*": strings("name") },
    ...strings("cgroupsPath", "rootfsPropagation", "mountLabel"),
    resources: RESOURCES,
    intelRdt: {
      ...strings("closID", "l3CacheSchema", "memBwSchema"),
      ...lists("schemata"),
      ...all("boolean", "enableMonitoring", "enableCMT", "enableMBM"),
    },
    memoryPolicy: { ...strings("mode", "nodes"), ...lists("flags") },
    seccomp: SECCOMP,
    ...lists("maskedPaths", "readonlyPaths"),
    sysctl: { "*": "string" },
    personality: { domain: "string", ...lists("flags") },
  },
};
