import assert from "node:assert/strict";
import { test } from "node:test";
import { applyChanges } from "./changes.ts";

test("applyChanges() knows each instruction", () => {
  const changed = applyChanges({
    Env: ["PATH=/bin", "A=1"],
    WorkingDir: "/srv",
    Labels: { x: "y" },
  }, [
    'CMD ["sh", "-c", "id"]',
    "entrypoint /init --now",
    `ENV A=2 B="two words" C='it''s' D=a\\ b`,
    "ENV OLD the old form",
    "LABEL a=b x=z",
    "EXPOSE 80 53/UDP",
    'VOLUME ["/data", "/my dir"]',
    "VOLUME /logs",
    "USER app:app",
    "WORKDIR sub",
    "STOPSIGNAL SIGINT",
    "ONBUILD RUN true",
  ]);
  assert.deepEqual(changed, {
    Env: ["PATH=/bin", "A=2", "B=two words", "C=its", "D=a b", "OLD=the old form"],
    WorkingDir: "/srv/sub",
    Labels: { a: "b", x: "z" },
    Cmd: ["sh", "-c", "id"],
    Entrypoint: ["/bin/sh", "-c", "/init --now"],
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    Volumes: { "/data": {}, "/my dir": {}, "/logs": {} },
    User: "app:app",
    StopSignal: "SIGINT",
    OnBuild: ["RUN true"],
  });
});

test("applyChanges() leaves what it was given as it was", () => {
  const before = { Env: ["A=1"] };
  applyChanges(before, ["ENV A=2", "USER x"]);
  assert.deepEqual(before, { Env: ["A=1"] });
});

test("applyChanges() refuses what is no such instruction", () => {
  for (
    const change of ["RUN id", "CMD", "", "EXPOSE http", "ENV alone", 'ENV a="open', "COPY a b"]
  ) {
    assert.throws(() => applyChanges({}, [change]), { code: "invalid_argument" }, change);
  }
});
