/**
 * Classes of service of Intel's Resource Director Technology: a directory of the resctrl file system
 * says what share of the last-level cache and of the memory bandwidth its processes have.
 *
 * @see https://docs.kernel.org/filesystems/resctrl.html
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#intelrdt
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciIntelRdt } from "../oci/mod.ts";
import { ensureDirectory, exists, mkdir, readText, rmdir, writeFile } from "../program/mod.ts";
import { agreesWith, schemaLines } from "./resctrl_schemata.ts";
import { refuse } from "./validate_rule.ts";

/** Whose class of service it is. */
export interface RdtOptions {
  readonly id: string;
  readonly rdt: OciIntelRdt;
  /** Where resctrl is mounted; default: where `/proc/self/mountinfo` says. */
  readonly root?: string | undefined;
}

/** The directories of a container. */
interface Places {
  readonly root: string;
  readonly group: string;
  /** Its monitoring group, if it has one of its own. */
  readonly monitor: string | undefined;
}

/** The class of one container. */
export class RdtClass {
  readonly #rdt: OciIntelRdt;
  readonly #places: Places | undefined;

  constructor(options: RdtOptions) {
    this.#rdt = options.rdt;
    this.#places = placesOf(options);
  }

  /**
   * Make it, as far as it is not there.
   *
   * @throws {CtrError} `failed_precondition` where the host has no such thing, or the class is another,
   * `not_found` for a class that is only named and does not exist
   */
  make(): void {
    if (this.#places === undefined) {
      throw unavailable("intelRdt is specified in config, but no resctrl file system is mounted");
    }
    const { root, group, monitor } = this.#places;
    checkEnabled(root, this.#rdt);
    const lines = schemaLines(this.#rdt);
    const made = madeGroup(this.#places, this.#rdt, lines.length > 0);
    try {
      const shared = this.#rdt.closID !== undefined && !made;
      if (shared) checkAgreement(group, this.#rdt);
      const written = shared ? this.#rdt.schemata ?? [] : lines;
      if (written.length > 0) write(root, `${group}/schemata`, `${written.join("\n")}\n`);
      if (monitor !== undefined) ensureDirectory(monitor);
    } catch (error) {
      if (made) rmdir(group);
      throw error;
    }
  }

  /**
   * Put a process into it that waits to be started; what it starts will be there too.
   *
   * @throws {SyscallError} and the process is given up then
   */
  take(process: { readonly pid: number; abandon(): void }): void {
    if (this.#places === undefined) return;
    const { root, group, monitor } = this.#places;
    try {
      // In this order: another class takes it out of its monitoring group.
      for (const directory of [group, monitor]) {
        if (directory !== undefined) write(root, `${directory}/tasks`, String(process.pid));
      }
    } catch (error) {
      process.abandon();
      throw error;
    }
  }

  /** Remove what was made for the container alone: not a class that has a name. Idempotent. */
  remove(): void {
    if (this.#places === undefined) return;
    const { group, monitor } = this.#places;
    if (monitor !== undefined) rmdir(monitor);
    if (!this.#rdt.closID) rmdir(group);
  }
}

/** Where resctrl is mounted, from the text of `/proc/self/mountinfo`. */
export function resctrlRoot(mountinfo: string): string | undefined {
  for (const line of mountinfo.split("\n")) {
    const [mount = "", fileSystem = ""] = line.split(" - ");
    if (fileSystem.startsWith("resctrl ")) {
      const octal = (_: string, digits: string) => String.fromCharCode(parseInt(digits, 8));
      return mount.split(" ")[4]!.replace(/\\([0-7]{3})/g, octal);
    }
  }
  return undefined;
}

function placesOf({ id, rdt, root: given }: RdtOptions): Places | undefined {
  const root = given ?? resctrlRoot(readText("/proc/self/mountinfo"));
  if (root === undefined) return undefined;
  const name = rdt.closID || id;
  const group = name === "/" ? root : `${root}/${name}`;
  const monitor = rdt.enableMonitoring === true ? `${group}/mon_groups/${id}` : undefined;
  return { root, group, monitor };
}

function checkEnabled(root: string, { l3CacheSchema = "", memBwSchema = "" }: OciIntelRdt): void {
  const none = (...names: string[]) => !names.some((name) => exists(`${root}/info/${name}`));
  if (l3CacheSchema !== "" && none("L3", "L3CODE", "L3DATA")) {
    throw unavailable(
      "intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled",
    );
  }
  if (memBwSchema !== "" && none("MB")) {
    throw unavailable(
      "intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not enabled",
    );
  }
}

/** Make the directory. True if it was not there. */
function madeGroup({ root, group }: Places, { closID }: OciIntelRdt, described: boolean): boolean {
  if (exists(group)) return false;
  if (closID && !described) {
    throw new CtrError({
      code: "not_found",
      operation: "use class of service",
      subject: closID,
      reason: "there is none of this name, and nothing says what it would be",
    });
  }
  try {
    mkdir(group);
  } catch (error) {
    throw withStatus(root, "create class of service", group, error);
  }
  return true;
}

function checkAgreement(
  group: string,
  { l3CacheSchema = "", memBwSchema = "" }: OciIntelRdt,
): void {
  for (const wanted of [l3CacheSchema, memBwSchema]) {
    if (wanted === "" || agreesWith(readText(`${group}/schemata`), wanted)) continue;
    throw new CtrError({
      code: "failed_precondition",
      operation: "use class of service",
      subject: group,
      reason: `its schemata do not match ${JSON.stringify(wanted)}`,
    });
  }
}

/** In one piece: that is how the kernel reads it. */
function write(root: string, path: string, text: string): void {
  try {
    writeFile(path, text);
  } catch (error) {
    throw withStatus(root, "write", path, error);
  }
}

/** The kernel says in a file why it refused. */
function withStatus(root: string, operation: string, subject: string, cause: unknown): CtrError {
  const file = `${root}/info/last_cmd_status`;
  const status = exists(file) ? readText(file).trim() : "ok";
  const { reason, code } = cause as CtrError;
  const more = status === "" || status === "ok" ? "" : `, last_cmd_status: ${status}`;
  return new CtrError({ code, operation, subject, reason: `${reason}${more}`, cause });
}

function unavailable(reason: string): CtrError {
  const { operation, subject } = refuse("linux.intelRdt", reason);
  return new CtrError({ code: "failed_precondition", operation, subject: subject!, reason });
}
