/**
 * `--volume`, `--mount` and `--tmpfs` in Docker's notations.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { ensureDirectory, exists, fileKind } from "../src/program/mod.ts";
import type { MountPoint } from "../src/state/mod.ts";
import { parseBytes } from "./flags.ts";

/** The flags that ask for mounts. */
export interface MountFlags {
  readonly volume: readonly string[];
  readonly mount: readonly string[];
  readonly tmpfs: readonly string[];
}

/** All mounts of a container, volumes first. */
export function parseMounts(flags: MountFlags, cwd: string): MountPoint[] {
  return [
    ...flags.volume.map((text) => parseVolume(text, cwd)),
    ...flags.mount.map((text) => parseMount(text, cwd)),
    ...flags.tmpfs.map(parseTmpfs),
  ];
}

/** Docker makes the directory that `--volume` names when there is none; `--mount` wants it there. */
export function createVolumeSources(flags: MountFlags, cwd: string): void {
  for (const text of flags.volume) {
    const { source } = parseVolume(text, cwd);
    if (fileKind(source) === undefined) ensureDirectory(source);
  }
}

const PROPAGATION = /^r?(private|shared|slave)$/;

/** `cached` and the like allow less consistency than there is. */
const WITHOUT_EFFECT = ["rw", "cached", "delegated", "consistent", "default"];

/** `SOURCE:TARGET[:OPTIONS]`. A source that begins with a dot is relative to the working directory. */
export function parseVolume(text: string, cwd: string): MountPoint {
  const [source = "", destination, third, ...more] = text.split(":");
  if (more.length > 0) throw invalid("--volume", text, "it has too many colons");
  if (destination === undefined) throw missing("--volume", text, "volumes without a name are");
  if (source === "" || destination === "") {
    throw invalid("--volume", text, "it is SOURCE:TARGET[:OPTIONS]");
  }
  if (!/^(\/|\.\.?(\/|$))/.test(source)) {
    throw missing("--volume", text, "named volumes are", `for a directory write "./${source}"`);
  }
  const options = third === undefined ? [] : third.split(",");
  for (const option of options) {
    if (/^[zZ]$/.test(option)) checkRelabel("--volume", text);
    else if (option === "nocopy" || option === "U") {
      throw missing("--volume", text, `option "${option}" is`);
    } else if (
      !["ro", "bind", "rbind", ...WITHOUT_EFFECT].includes(option) && !PROPAGATION.test(option)
    ) throw invalid("--volume", text, `there is no option ${JSON.stringify(option)}`);
  }
  return bind(absolute(source, cwd), destination, {
    readonly: options.includes("ro"),
    recursive: !options.includes("bind"),
    propagation: options.find((option) => PROPAGATION.test(option)),
  });
}

/** `type=bind,source=…,target=…`: comma-separated values, which may be quoted. */
export function parseMount(text: string, cwd: string): MountPoint {
  const fields = new Map(
    splitCsv(text).map((field) => {
      const [key, value] = field.split(/=(.*)/s, 2) as [string, string?];
      return [key.trim().toLowerCase(), value];
    }),
  );
  const take = (...keys: string[]): string | undefined => {
    const key = keys.find((each) => fields.has(each));
    const value = key === undefined ? undefined : fields.get(key) ?? "";
    if (key !== undefined) fields.delete(key);
    return value;
  };
  const flag = (...keys: string[]): boolean => {
    const value = take(...keys);
    if (value === undefined) return false;
    if (["", "true", "1"].includes(value)) return true;
    if (["false", "0"].includes(value)) return false;
    throw invalid("--mount", text, `"${keys[0]}" is true or false`);
  };
  const type = take("type") ?? "volume";
  if (["volume", "image", "npipe", "cluster"].includes(type)) {
    throw missing("--mount", text, `type "${type}" is`);
  }
  if (type !== "bind" && type !== "tmpfs") throw invalid("--mount", text, "its type is unknown");
  const destination = take("target", "destination", "dst");
  if (!destination) throw invalid("--mount", text, "it has no target");
  const readonly = flag("readonly", "ro");
  let mount: MountPoint;
  if (type === "tmpfs") {
    const size = take("tmpfs-size");
    const bytes = size === undefined ? undefined : parseBytes(size);
    if (size !== undefined && bytes === undefined) {
      throw invalid("--mount", text, "its tmpfs-size is not a size such as 64m");
    }
    const mode = take("tmpfs-mode");
    if (mode !== undefined && !/^0?[0-7]{1,4}$/.test(mode)) {
      throw invalid("--mount", text, "its tmpfs-mode is not an octal number");
    }
    const options = [
      ...bytes === undefined ? [] : [`size=${bytes}`],
      ...mode === undefined ? [] : [`mode=${mode}`],
    ];
    mount = { type, source: "tmpfs", destination, readonly, options };
  } else {
    const source = take("source", "src");
    if (!source) throw invalid("--mount", text, "it has no source");
    const propagation = take("bind-propagation");
    if (propagation !== undefined && !PROPAGATION.test(propagation)) {
      throw invalid("--mount", text, `there is no bind-propagation "${propagation}"`);
    }
    const recursive = take("bind-recursive") ?? "enabled";
    if (!["enabled", "disabled", "writable", "readonly"].includes(recursive)) {
      throw invalid("--mount", text, `there is no bind-recursive "${recursive}"`);
    }
    take("consistency");
    mount = bind(/^\.\.?(\/|$)/.test(source) ? absolute(source, cwd) : source, destination, {
      readonly,
      recursive: !flag("bind-nonrecursive") && recursive !== "disabled",
      writableBelow: recursive === "writable",
      propagation,
    });
  }
  for (const key of fields.keys()) {
    throw invalid("--mount", text, `it has an unknown key ${JSON.stringify(key)}`);
  }
  return mount;
}

/** `TARGET[:OPTIONS]`. */
export function parseTmpfs(text: string): MountPoint {
  const [destination = "", options = ""] = text.split(/:(.*)/s, 2) as [string, string?];
  const list = options.split(",").filter((option) => option !== "");
  return {
    type: "tmpfs",
    source: "tmpfs",
    destination,
    readonly: list.includes("ro"),
    options: list.filter((option) => option !== "ro" && option !== "rw"),
  };
}

/** Read-only means everything below too, as in Docker since 25: a mount there is not a way out. */
function bind(
  source: string,
  destination: string,
  how: {
    readonly readonly: boolean;
    readonly recursive: boolean;
    readonly writableBelow?: boolean;
    readonly propagation: string | undefined;
  },
): MountPoint {
  const options = [
    ...how.recursive ? [] : ["bind"],
    ...how.propagation === undefined ? [] : [how.propagation],
    ...how.readonly && how.recursive && !how.writableBelow ? ["rro"] : [],
  ];
  return { type: "bind", source, destination, readonly: how.readonly, options };
}

function absolute(path: string, cwd: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${cwd}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** One record of comma-separated values: a field in quotes may hold commas, `""` is a quote. */
function splitCsv(text: string): string[] {
  const fields: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^,"]*))(,|$)/gy;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2]!);
    if (match[3] === "") return fields;
  }
  throw invalid("--mount", text, "a quote is not closed");
}

/** Without SELinux there is nothing to label. */
function checkRelabel(flag: string, text: string): void {
  if (exists("/sys/fs/selinux/enforce")) throw missing(flag, text, "SELinux labels are");
}

function invalid(flag: string, subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: `use ${flag}`, subject, reason });
}

function missing(flag: string, subject: string, what: string, hint?: string): CtrError {
  const reason = `${what} not supported yet`;
  return new CtrError({
    code: "not_implemented",
    operation: `use ${flag}`,
    subject,
    reason,
    ...hint === undefined ? {} : { hint },
  });
}
