import assert from "node:assert/strict";
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { RUNTIME, start, until } from "../fixtures/cli.ts";
import { layoutArchive } from "../fixtures/image_archive.ts";
import { needs } from "../fixtures/needs.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";
import { type Member, tar } from "../fixtures/raw_tar.ts";
import { ROOT } from "../fixtures/source_scan.ts";

const { skip } = needs("root", "userns", "overlayfs", "cmd:unshare");
const RUNTIMES = { bun: ["bun"], deno: ["deno", "run", "-A", "--no-check"] } as const;
/** IDs that the namespace has: 0, and 1 to 65535 as others. */
const MAP = "0 0 1\n1 100001 65535\n";

/** What `userns_program.ts` says of an image of these layers. */
async function inUserNamespace(
  snapshotter: string,
  ...layers: readonly (readonly Member[])[]
): Promise<Record<string, unknown>> {
  const top = mkdtempSync(join(tmpdir(), "ctr-userns-"));
  try {
    const images = new ImageBuilder();
    const platform = `linux/${process.arch === "arm64" ? "arm64" : "amd64"}`;
    const target = images.image(layers.map((members) => tar(...members)), { platform });
    writeFileSync(join(top, "image.tar"), layoutArchive(images, target, "x:1"));
    const program = join(ROOT, "tests/fixtures/userns_program.ts");
    // What is executed before the maps are written has no capabilities; what comes then has them.
    const wait = `until [ -e ${top}/go ]; do sleep 0.02; done; exec "$@"`;
    const running = start([
      ...["unshare", "--user", "--mount", "sh", "-c", wait, "sh", ...RUNTIMES[RUNTIME]],
      ...[program, snapshotter, join(top, "data"), join(top, "image.tar")],
    ]);
    const { pid } = running.child;
    const host = readlinkSync("/proc/self/ns/user");
    await until("the namespace", () => readlinkSync(`/proc/${pid}/ns/user`) !== host);
    writeFileSync(`/proc/${pid}/uid_map`, MAP);
    writeFileSync(`/proc/${pid}/gid_map`, MAP);
    writeFileSync(join(top, "go"), "");
    const { code, stdout, stderr } = await running.ended;
    assert.deepEqual([code, stderr], [0, ""]);
    return JSON.parse(stdout);
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
}

const capability = Uint8Array.from([1, 0, 0, 2, 0, 32, 0, 0, ...new Array(12).fill(0)]);
const LAYERS: readonly (readonly Member[])[] = [
  [
    { path: "f", data: "1", uid: 5, gid: 6, mode: 0o4755 },
    { path: "d/", mode: 0o700 },
    { path: "d/hidden", data: "2" },
    { path: "gone", data: "3" },
    { path: "dev/null", type: "3", major: 1, minor: 3 },
    { path: "dev/was", data: "a file, then a device" },
    { path: "ping", data: "x", pax: { "SCHILY.xattr.security.capability": capability } },
    { path: "t", data: "x", pax: { "SCHILY.xattr.trusted.t": "y" } },
  ],
  [
    { path: "d/", mode: 0o711 },
    { path: "d/.wh..wh..opq" },
    { path: "d/shown", data: "4" },
    { path: ".wh.gone" },
    { path: "dev/was", type: "4", major: 8, minor: 0 },
    { path: "pipe", type: "6" },
  ],
];

for (const snapshotter of ["overlayfs", "native"]) {
  test(
    `${snapshotter}: in a user namespace layers are laid over each other`,
    { skip },
    async () => {
      const { mounts, seen, changes, after, message } = await inUserNamespace(
        snapshotter,
        ...LAYERS,
      );
      assert.equal(message, undefined);
      if (snapshotter === "overlayfs") {
        assert.ok((mounts as [{ options: string[] }])[0].options.includes("userxattr"));
      }
      const others = ["ping f 644 0:0", "pipe p 644 0:0", "t f 644 0:0"];
      // No devices: nobody there could open them.
      assert.deepEqual(seen, [
        ...["d d 711 0:0", "d/shown f 644 0:0", "dev d 755 0:0", "f f 4755 5:6"],
        ...others,
      ]);
      assert.deepEqual(changes, [
        { kind: "changed", path: "/d" },
        { kind: "added", path: "/d/new" },
        { kind: "deleted", path: "/d/shown" },
        { kind: "deleted", path: "/f" },
      ]);
      assert.deepEqual(after, ["d d 755 0:0", "d/new f 644 0:0", "dev d 755 0:0", ...others]);
    },
  );
}

test("in a user namespace an owner that it does not have is an error that says so", {
  skip,
}, async () => {
  const { code, message } = await inUserNamespace("overlayfs", [{ path: "f", uid: 70_000 }]);
  assert.equal(code, "failed_precondition");
  assert.match(String(message), /"f": its owner 70000:0 does not exist in this user namespace/);
});
