import assert from "node:assert/strict";
import { test } from "node:test";
import { systemdManager } from "./systemd_manager.ts";

const HOST = "         0          0 4294967295\n";
const MAPPED = "         0       1000          1\n         1     100000      65536\n";
const env = { XDG_RUNTIME_DIR: "/run/user/1000" };

test("systemdManager() is the system's for root of the host", () => {
  assert.deepEqual(systemdManager({ env, rootless: "auto" }, { uid: 0, uidMap: HOST }), {
    user: false,
  });
  const elsewhere = { DBUS_SYSTEM_BUS_ADDRESS: "tcp:host=x;unix:path=/run/a%20b,guid=1" };
  assert.deepEqual(systemdManager({ env: elsewhere, rootless: "auto" }, { uid: 0, uidMap: HOST }), {
    user: false,
    socket: "/run/a b",
  });
});

test("systemdManager() is the user's own for a user, and for root of a user namespace", () => {
  const own = { user: true, socket: "/run/user/1000/bus" };
  assert.deepEqual(systemdManager({ env, rootless: "auto" }, { uid: 1000, uidMap: HOST }), own);
  assert.deepEqual(systemdManager({ env, rootless: "auto" }, { uid: 0, uidMap: MAPPED }), own);
  assert.deepEqual(systemdManager({ env, rootless: "true" }, { uid: 0, uidMap: HOST }), own);
  assert.deepEqual(systemdManager({ env, rootless: "false" }, { uid: 0, uidMap: MAPPED }), {
    user: false,
  });
  const session = { ...env, DBUS_SESSION_BUS_ADDRESS: "unix:guid=1,path=/tmp/bus" };
  const { socket } = systemdManager({ env: session, rootless: "auto" }, { uid: 1, uidMap: HOST });
  assert.equal(socket, "/tmp/bus");
  assert.throws(() => systemdManager({ env: {}, rootless: "auto" }, { uid: 1, uidMap: HOST }), {
    code: "failed_precondition",
  });
});
