/**
 * What a shim is told of containers that have more than most: a log driver, a restart policy.
 *
 * @module
 */

import type { CreateTaskOptions, TaskState } from "../shim/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import { signalNumber } from "./control.ts";
import type { Engine } from "./engine.ts";
import { logTarget } from "./log_config.ts";

/** The options that only some containers have. */
export type RareOptions = Pick<CreateTaskOptions, "log" | "restart">;

/** @param before its state, when it is started again by its policy */
export function rareOptionsOf(
  engine: Engine,
  record: ContainerRecord,
  before?: TaskState,
): RareOptions {
  const { id, config: { stopSignal }, hostConfig: { restartPolicy } } = record;
  const log = logTarget(record, engine.env);
  return {
    ...log === undefined ? {} : { log },
    ...restartPolicy === undefined ? {} : {
      restart: {
        ...restartPolicy,
        count: before?.restartCount ?? 0,
        delayMs: before?.restartDelayMs ?? 0,
        stopSignal: signalNumber(stopSignal),
        argv: [...engine.cleanupArgv.slice(0, -1), "start", "--restarting", id],
      },
    },
  };
}
