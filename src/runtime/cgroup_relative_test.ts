import assert from "node:assert/strict";
import { test } from "node:test";
import { relativeCgroupPath } from "./cgroup_relative.ts";

const mount = (place: string, root = "/", type = "cgroup") =>
  `32 31 0:29 ${root} ${place} rw,relatime - ${type} cgroup rw\n`;

const V1 = {
  version: 1,
  controllers: new Map([["cpu", "/c/cpu,cpuacct"], ["cpuacct", "/c/cpu,cpuacct"], [
    "memory",
    "/c/memory",
  ], ["name=systemd", "/c/systemd"]]),
  unified: "/c/unified",
} as const;

test("relativeCgroupPath() is below this process's own cgroups", () => {
  const mountinfo = mount("/c/cpu,cpuacct") + mount("/c/memory") + mount("/c/systemd");
  const everywhere = "3:memory:/a/b\n2:cpu,cpuacct:/a/b\n1:name=systemd:/a/b\n0::/a/b\n";
  assert.equal(relativeCgroupPath("x/y", V1, { cgroup: everywhere, mountinfo }), "/a/b/x/y");
  const root = everywhere.replaceAll("/a/b", "/");
  assert.equal(relativeCgroupPath("x", V1, { cgroup: root, mountinfo }), "/x");
  // As on a machine where only the memory is divided among services.
  const cgroup = "3:memory:/a/b\n2:cpu,cpuacct:/\n1:name=systemd:/c\n0::/\n";
  assert.deepEqual(relativeCgroupPath("x", V1, { cgroup, mountinfo }), {
    "/c/cpu,cpuacct": "/x",
    "/c/memory": "/a/b/x",
    "/c/systemd": "/c/x",
    "/c/unified": "/x",
  });
});

test("relativeCgroupPath() counts from what of a hierarchy a container sees", () => {
  const layout = { version: 1, controllers: new Map([["memory", "/c/memory"]]) } as const;
  const path = (own: string, root: string) =>
    relativeCgroupPath("x", layout, {
      cgroup: `3:memory:${own}\n`,
      mountinfo: mount("/c/memory", root),
    });
  assert.equal(path("/docker/id", "/docker/id"), "/x");
  assert.equal(path("/docker/id/below", "/docker/id"), "/below/x");
  assert.equal(path("/docker/identity", "/docker/id"), "/x");
  assert.equal(path("/../other", "/"), "/x");
});

test("relativeCgroupPath() is beside this process with version 2, and below nothing else", () => {
  const layout = { version: 2, root: "/c" } as const;
  const own = { cgroup: "0::/user.slice/a.scope\n", mountinfo: mount("/c", "/", "cgroup2") };
  assert.equal(relativeCgroupPath("x", layout, own), "/user.slice/x");
  assert.equal(relativeCgroupPath("./x/../../../y", layout, own), "/user.slice/y");
  assert.equal(relativeCgroupPath("x", layout, { ...own, cgroup: "0::/\n" }), "/x");
});
