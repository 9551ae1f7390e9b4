/**
 * What systemd is told of a container's unit when it makes it.
 *
 * @module
 */

import type { OciSpec } from "../../oci/mod.ts";
import { annotatedProperties } from "./annotations.ts";
import { type Dialect, flag, type Property, resourceProperties, text } from "./properties.ts";
import type { UnitName } from "./unit_name.ts";

/**
 * The properties of a new unit, without its processes: those that runc sets, those that annotations ask
 * for, and the limits.
 *
 * @throws {CtrError} `invalid_argument` for a limit or an annotation that makes no sense
 */
export function unitProperties(
  { unit, slice }: UnitName,
  { id, spec, dialect }: {
    readonly id: string;
    readonly spec: OciSpec;
    readonly dialect: Dialect;
  },
): Property[] {
  const { resources = {} } = spec.linux ?? {};
  // A slice's name says where it is.
  const placing = unit.endsWith(".slice")
    ? [["Wants", { signature: "as", value: [slice] }] as const]
    : [text("Slice", slice), flag("Delegate", true)];
  const io = dialect.version === 2 ? "IOAccounting" : "BlockIOAccounting";
  return [
    text("Description", `ctr container ${id}`),
    ...placing,
    // As with cgroups of our own; and memory that was used before is not counted later.
    ...["MemoryAccounting", "CPUAccounting", io, "TasksAccounting"].map((name) => flag(name, true)),
    flag("DefaultDependencies", false),
    ...annotatedProperties(spec.annotations),
    ...resourceProperties(resources, dialect),
    ...outOfMemory(resources.unified?.["memory.oom.group"], dialect),
  ];
}

/** Can be said only here, and of a scope since version 253. */
function outOfMemory(group: string | undefined, { systemd }: Dialect): Property[] {
  const policy = ({ "0": "continue", "1": "kill" } as const)[group?.trim() ?? ""];
  return policy === undefined || systemd < 253 ? [] : [text("OOMPolicy", policy)];
}
