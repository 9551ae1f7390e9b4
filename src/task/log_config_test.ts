import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerRecord } from "../state/mod.ts";
import { checkLogConfig, logTarget } from "./log_config.ts";

function target(type: string, config: Record<string, string> = {}) {
  const record = {
    id: "0123456789abcdef",
    name: "web",
    image: "alpine",
    imageId: "sha256:fedcba9876543210",
    config: { labels: { a: "1", bb: "2" }, env: ["E=x", "F=y=z"] },
    hostConfig: { logConfig: { type, config } },
  } as unknown as ContainerRecord;
  checkLogConfig({ type, config });
  return logTarget(record, [])!;
}

test("logTarget() has sizes, labels, variables and the tag", () => {
  const { driver, maxBytes, maxFiles, attrs } = target("json-file", {
    "max-size": "1.5k",
    "max-file": "3",
    "labels": "a, none",
    "env-regex": "^F",
    "tag": "{{.Name}}/{{ .ID }}/{{.ImageID}}",
  });
  assert.deepEqual([driver, maxBytes, maxFiles], ["json-file", 1536, 3]);
  assert.deepEqual(attrs, { a: "1", F: "y=z", tag: "web/0123456789ab/fedcba987654" });
  assert.deepEqual(target("json-file", { "max-size": "10m" }).attrs, {});
  assert.equal(target("journald").tag, "0123456789ab");
  assert.equal(target("file:///var/log/x").uri, "file:///var/log/x");
  assert.deepEqual(target("syslog", { "syslog-facility": "local3" }).syslog, {
    address: "unix:///dev/log",
    facility: 19,
    format: "",
  });
});

test("checkLogConfig() refuses what no driver knows", () => {
  for (
    const [type, config] of [
      ["splunk", {}],
      ["file://relative", {}],
      ["none", { "max-size": "1k" }],
      ["json-file", { "max-size": "much" }],
      ["json-file", { "max-file": "0" }],
      ["json-file", { tag: "{{.Nope}}" }],
      ["json-file", { "labels-regex": "(" }],
      ["syslog", { "syslog-address": "/dev/log" }],
      ["syslog", { "syslog-facility": "moon" }],
      ["syslog", { "syslog-format": "json" }],
    ] as const
  ) {
    assert.throws(() => checkLogConfig({ type, config }), { code: "invalid_argument" }, type);
  }
  const compress = { type: "json-file", config: { compress: "true" } };
  assert.throws(() => checkLogConfig(compress), { code: "not_implemented" });
});
