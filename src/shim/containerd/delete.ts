/**
 * Removes what a shim left that has died.
 *
 * @module
 */

import { deleteContainer } from "../../lifecycle/mod.ts";
import { readTextIfExists } from "../../program/mod.ts";
import { encode } from "../protobuf.ts";
import { METHODS } from "../task_api.ts";
import { otherRuntime, tracesIn } from "./foreign_tasks.ts";
import { timestampOf } from "../exit_fields.ts";

/** Whose remains. */
export interface Remains {
  readonly id: string;
  readonly bundle: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly warn: (message: string) => void;
}

/** Remove them. @returns the answer for containerd, in Protocol Buffers: it was killed */
export async function deleteRemains({ id, bundle, env, warn }: Remains): Promise<Uint8Array> {
  const traces = tracesIn(bundle);
  let pid = 0;
  if (traces !== undefined) {
    const { root, binary } = traces;
    if (binary === undefined) {
      const record = readTextIfExists(`${root}/${id}/state.json`);
      if (record !== undefined) pid = (JSON.parse(record) as { readonly pid: number }).pid;
      await deleteContainer({ root, id }, { force: true, warn });
    } else {
      const runtime = await otherRuntime({ id, root, binary, env });
      await runtime.destroy({ id, spec: { ociVersion: "1.2.0" } });
    }
  }
  const exitedAt = timestampOf(Date.now());
  return encode(METHODS.Delete.response, { pid, exitStatus: 137, exitedAt });
}
