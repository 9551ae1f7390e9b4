import assert from "node:assert/strict";
import { test } from "node:test";
import { shimArguments } from "./arguments.ts";

test("shimArguments() reads what containerd writes", () => {
  const words = ["-namespace", "k8s.io", "--address=/c.sock", "-publish-binary", "/bin/c"];
  assert.deepEqual(shimArguments([...words, "-id", "web", "-debug", "start"]), {
    command: "start",
    id: "web",
    namespace: "k8s.io",
    address: "/c.sock",
    publishBinary: "/bin/c",
    socket: "",
  });
  assert.equal(shimArguments(["-bundle", "/b", "delete"]).bundle, "/b");
  assert.equal(shimArguments(["-v"]).command, "version");
  assert.throws(() => shimArguments(["-no", "start"]), { code: "invalid_argument" });
  assert.throws(() => shimArguments([]), /called by containerd/);
});
