/**
 * What `ps --filter` can ask for.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import type { ContainerSummary } from "../src/task/mod.ts";
import { filterBy, hasLabel, pattern, type Tests } from "./filters.ts";

/** True when a filter is about containers that do not run: then all are looked at. */
export function showsStopped(filters: readonly string[]): boolean {
  return filters.some((text) => /^\s*(status|exited)\s*=/i.test(text));
}

/** A predicate from what was given. `all` are the containers that `before` and `since` look up. */
export function containerFilter(
  given: readonly string[],
  all: readonly ContainerSummary[],
): (container: ContainerSummary) => boolean {
  const created = (reference: string): number => {
    const found = all.find(({ record: { id, name } }) =>
      name === reference || id.startsWith(reference)
    );
    if (found !== undefined) return found.record.createdAt;
    throw new CtrError({
      code: "not_found",
      operation: "use --filter",
      subject: reference,
      reason: "no such container",
    });
  };
  return filterBy(given, {
    ...TESTS,
    before: ({ record }, value) => record.createdAt < created(value),
    since: ({ record }, value) => record.createdAt > created(value),
  });
}

const STATUSES = ["created", "running", "paused", "exited", "restarting", "removing", "dead"];

const TESTS: Tests<ContainerSummary> = {
  ancestor: ({ record: { image, imageId } }, value) =>
    image === value || image.replace(/:latest$/, "") === value.replace(/:latest$/, "") ||
    (value.length >= 4 && imageId.replace(/^sha256:/, "").startsWith(value.replace("sha256:", ""))),
  exited: ({ state, status }, value) => {
    if (/^\d+$/.test(value)) return status === "exited" && state.exitCode === Number(value);
    throw invalid("exited", value, "it is an exit code");
  },
  id: ({ record }, value) => pattern(value).test(record.id),
  label: ({ record }, value) => hasLabel(record.config.labels, value),
  name: ({ record }, value) => pattern(value).test(record.name) || `/${record.name}` === value,
  network: ({ record: { hostConfig } }, value) =>
    hostConfig.networkMode === value ||
    (hostConfig.networks ?? []).some(({ network }) => network === value),
  status: ({ status }, value) => {
    if (STATUSES.includes(value)) return status === value;
    throw invalid("status", value, `it is one of ${STATUSES.join(", ")}`);
  },
  volume: ({ record }, value) =>
    record.hostConfig.binds.some(({ source, destination }) =>
      source === value || destination === value
    ),
};

function invalid(key: string, value: string, reason: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "use --filter",
    subject: `${key}=${value}`,
    reason,
  });
}
