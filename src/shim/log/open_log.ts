/**
 * Opens the log that a container was made with.
 *
 * @module
 */

import { openOutput } from "../containerd/stdio.ts";
import type { OutputSink } from "../output_sink.ts";
import type { LogTarget } from "../task_api.ts";

/** containerd's namespace, as a logger is told. */
const NAMESPACE = "ctr";

/** Whose log, and where a file of it goes. */
export interface LogPlace {
  readonly id: string;
  readonly path: string;
}

/** Open it. @throws {CtrError} when whoever should take it is not there */
export async function openLog(log: LogTarget, place: LogPlace): Promise<readonly OutputSink[]> {
  switch (log.driver) {
    case "none":
      return [];
    case "json-file": {
      const { RotatingJsonLog } = await import("./rotating_json_log.ts");
      return [new RotatingJsonLog(place.path, log)];
    }
    case "journald": {
      const { JournaldLog } = await import("./journald.ts");
      return [new JournaldLog(log, place.id)];
    }
    case "syslog": {
      const { openSyslog } = await import("./syslog.ts");
      return [await openSyslog(log)];
    }
    case "uri": {
      const owner = { id: place.id, namespace: NAMESPACE, env: log.env, uid: 0, gid: 0 };
      return await openOutput({ stdout: log.uri!, stderr: log.uri! }, owner);
    }
  }
}
