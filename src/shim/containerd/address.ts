/**
 * Where a shim of containerd listens: containers of one pod share a shim.
 *
 * @module
 */

import { connect } from "../../../ffi/mod.ts";
import { readText } from "../../program/mod.ts";

/** Annotations whose value is the same for all containers of a shim. */
const GROUPS = ["io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"];
/** containerd's own, unless it listens elsewhere. */
const STATE = "/run/containerd";
/** A socket's path has 107 bytes, and its name here 66. */
const MOST = 41;

/** What tells shims apart. */
export interface AddressOptions {
  readonly id: string;
  readonly namespace: string;
  /** Of containerd. */
  readonly address: string;
  readonly bundle: string;
}

/** Where containerd and its shims keep what is gone after a reboot: beside its socket. */
export function stateDir({ address }: Pick<AddressOptions, "address">): string {
  const beside = address.replace(/^unix:\/\//, "").replace(/\/[^/]*$/, "");
  return beside.startsWith("/") ? beside : STATE;
}

/** The path of the socket. */
export function shimSocket({ id, namespace, address, bundle }: AddressOptions): string {
  const { createHash } = process.getBuiltinModule("node:crypto");
  const name = createHash("sha256").update([address, namespace, groupOf(bundle) ?? id].join("\0"));
  const beside = stateDir({ address });
  return `${beside.length > MOST ? STATE : beside}/s/${name.digest("hex")}`;
}

function groupOf(bundle: string): string | undefined {
  const { annotations = {} } = JSON.parse(readText(`${bundle}/config.json`)) as {
    readonly annotations?: Readonly<Record<string, string>>;
  };
  return GROUPS.map((name) => annotations[name]).find((value) => value !== undefined);
}

/** Whether somebody listens there. */
export async function isServed(path: string): Promise<boolean> {
  const nothing = () => {};
  try {
    (await connect(path, { onData: nothing, onEnd: nothing, onClose: nothing })).close();
    return true;
  } catch {
    return false;
  }
}
