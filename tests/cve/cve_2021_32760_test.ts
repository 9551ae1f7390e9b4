import { hostileImage } from "../fixtures/hostile_layers.ts";

// containerd: the mode of a hard link's header was set through a symbolic link, on a file of the host.
// https://github.com/containerd/containerd/security/advisories/GHSA-c72p-9xmj-rx3w

hostileImage("CVE-2021-32760: a hard link to a link changes no mode outside", (victim) => [
  [
    { path: "s", type: "2", link: victim },
    { path: "h", type: "1", link: "s", mode: 0o4777, uid: 1, gid: 1, mtime: 1 },
  ],
  [{ path: "i", type: "1", link: "h", mode: 0o4777 }, { path: "s", type: "1", link: "h" }],
], { tree: ["./h link /TOP/victim", "./i link /TOP/victim", "./s link /TOP/victim"] });
