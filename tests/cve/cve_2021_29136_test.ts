import { hostileImage } from "../fixtures/hostile_layers.ts";

// umoci: a layer replaced the root directory by a symbolic link, and the rest was written behind it.
// https://github.com/opencontainers/umoci/security/advisories/GHSA-9m95-8hx6-7p9v

for (const path of [".", "/", "./", "a/.."]) {
  hostileImage(`CVE-2021-29136: ${JSON.stringify(path)} is no link`, (victim) => [[
    { path: "a/" },
    { path, type: "2", link: victim.slice(0, victim.lastIndexOf("/")) },
    { path: "victim", data: "no" },
  ]], { refused: ["invalid_argument"], because: /root directory/ });
}
