/**
 * The methods of the Task API that an idle shim has not loaded.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciResources } from "../oci/mod.ts";
import { checkpointRequest } from "./containerd/runc_options.ts";
import { metricsOf } from "./metrics.ts";
import { decode, encode, type Message } from "./protobuf.ts";
import type { Task } from "./task.ts";
import { METHODS } from "./task_api.ts";

/** What tells an exec of a container's processes: containerd.runc.v1.ProcessDetails. */
const PROCESS_DETAILS = { execId: [1, "string"] } as const satisfies Message;
const PROCESS_DETAILS_TYPE = "containerd.runc.v1.ProcessDetails";

/** Call one. @throws {CtrError} as the method does */
export async function callRarely(
  method: "Pids" | "Stats" | "Update" | "Checkpoint",
  payload: Uint8Array,
  find: (id: string) => Task,
): Promise<Record<string, unknown>> {
  switch (method) {
    case "Pids": {
      const task = find(decode(METHODS.Pids.request, payload).id);
      const execs = new Map([...task.added].map(([execId, { runtime }]) => [runtime.pid, execId]));
      const pids = await task.runtime.pids(task.ref);
      return {
        processes: pids.map((pid) => {
          const execId = execs.get(pid);
          if (execId === undefined) return { pid };
          const value = encode(PROCESS_DETAILS, { execId });
          return { pid, info: { typeUrl: PROCESS_DETAILS_TYPE, value } };
        }),
      };
    }
    case "Stats": {
      const { runtime, ref } = find(decode(METHODS.Stats.request, payload).id);
      const stats = runtime.metrics === undefined
        ? metricsOf(await runtime.stats(ref))
        : await runtime.metrics(ref);
      return { stats };
    }
    case "Update": {
      const { id, resources } = decode(METHODS.Update.request, payload);
      const { runtime, ref } = find(id);
      const text = new TextDecoder().decode(resources?.value);
      await runtime.update(ref, JSON.parse(text || "{}") as OciResources);
      return {};
    }
    case "Checkpoint": {
      const { id, path, options } = decode(METHODS.Checkpoint.request, payload);
      const { runtime, ref } = find(id);
      if (runtime.checkpoint === undefined) {
        throw new CtrError({
          code: "not_implemented",
          operation: "checkpoint",
          subject: id,
          reason: "this container's runtime cannot save it",
        });
      }
      await runtime.checkpoint(ref, checkpointRequest(path, options));
      return {};
    }
  }
}
