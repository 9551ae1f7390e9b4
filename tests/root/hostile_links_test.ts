import { hostileImage } from "../fixtures/hostile_layers.ts";

// Names and links in layers that point to where they should not.

const attribute = (name: string, value: string) => ({ [`SCHILY.xattr.${name}`]: value });
const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));

hostileImage(".. in names stays below the root", () => [[
  { path: "../victim", data: "no" },
  { path: "../../../../../../../../tmp/x", data: "1" },
  { path: "a/../../b", data: "2" },
  { path: "d/../../.wh.victims" },
]], { tree: ["./b file 2", "./tmp dir", "./tmp/x file 1", "./victim file no"] });

hostileImage("absolute names stay below the root, in whiteouts too", (victim) => [
  [{ path: victim, data: "no" }, { path: "//etc//passwd", data: "1" }],
  [{ path: `${directoryOf(victim)}/.wh.victim` }],
], { tree: ["./TOP dir", "./etc dir", "./etc/passwd file 1", "./tmp dir"] });

hostileImage("a chain of links that leads out is followed inside", (victim) => [
  [
    { path: "a", type: "2", link: "b" },
    { path: "b", type: "2", link: "c/../../../d" },
    { path: "d", type: "2", link: directoryOf(victim) },
    { path: "tmp/" },
    { path: "c/" },
  ],
  [{ path: "a/victim", data: "no" }, { path: "b/new", data: "1" }],
], {
  tree: [
    ...["./TOP dir", "./TOP/new file 1", "./TOP/victim file no", "./a link b"],
    ...["./b link c/../../../d", "./c dir", "./d link /TOP", "./tmp dir"],
  ],
});

hostileImage("a hard link to a file outside finds none", (victim) => [[
  { path: "h", type: "1", link: victim },
  { path: "h", data: "no", mode: 0o777 },
]], { refused: ["data_loss"], because: /target of the hard link.*does not exist/ });

hostileImage("a hard link by .. finds what is inside", () => [[
  { path: "f", data: "1" },
  { path: "d/h", type: "1", link: "../../../f" },
]], { tree: ["./d dir", "./d/h file 1", "./f file 1"] });

hostileImage("a hard link to a link that leads out is one more link", (victim) => [[
  { path: "s", type: "2", link: victim },
  { path: "h", type: "1", link: "s" },
  { path: "h", data: "no", mode: 0o777 },
]], { tree: ["./h file no", "./s link /TOP/victim"] });

hostileImage("a hard link through a link of a lower layer stays inside", (victim) => [
  [{ path: "l", type: "2", link: directoryOf(victim) }],
  [{ path: "h", type: "1", link: "l/victim" }],
], { refused: ["data_loss"], because: /does not exist/ });

hostileImage("a hard link to itself is refused", () => [[
  { path: "x", type: "1", link: "x" },
]], { refused: ["data_loss"] });

hostileImage("a hard link to a directory is refused", () => [[
  { path: "d/" },
  { path: "x", type: "1", link: "d" },
]], { refused: ["data_loss", "permission_denied", "internal", "invalid_argument"] });

hostileImage("links in a circle are refused", () => [[
  { path: "a", type: "2", link: "b" },
  { path: "b", type: "2", link: "a" },
  { path: "a/c", data: "1" },
]], { refused: ["invalid_argument"] });

hostileImage("a whiteout of .. is refused", () => [[
  { path: "d/" },
  { path: "d/.wh..." },
]], { refused: ["invalid_argument"], because: /whiteout/ });

hostileImage("a whiteout of . is refused", () => [[
  { path: "d/.wh.." },
]], { refused: ["invalid_argument"], because: /whiteout/ });

hostileImage("a whiteout behind .. and links deletes nothing outside", (victim) => [
  [{ path: "l", type: "2", link: directoryOf(victim) }, { path: "f", data: "1" }],
  [{ path: "l/.wh.victim" }, { path: "../../.wh.victim" }, { path: "x/../.wh.f" }],
], { tree: ["./l link /TOP"] });

hostileImage("an opaque root hides everything below, and only that", () => [
  [{ path: "old/f", data: "1" }, { path: "g", data: "2" }],
  [{ path: "new", data: "3" }, { path: ".wh..wh..opq" }],
], { tree: ["./new file 3"] });

hostileImage("an opaque directory behind a link empties what is inside", (victim) => [
  [{ path: "l", type: "2", link: directoryOf(victim) }, { path: `${victim}`, data: "no" }],
  [{ path: "l/.wh..wh..opq" }, { path: "l/x", data: "1" }],
], { tree: ["./TOP dir", "./TOP/x file 1", "./l link /TOP", "./tmp dir"] });

hostileImage("types change between entries of a layer", () => [[
  { path: "a", data: "1" },
  { path: "a/" },
  { path: "a/b", type: "2", link: "/" },
  { path: "a/b/" },
  { path: "a/b/c", data: "2" },
  { path: "a/b", type: "6" },
  { path: "d/e", data: "3" },
  { path: "d", type: "2", link: "a" },
  { path: "d/f", data: "4" },
]], { tree: ["./a dir", "./a/b fifo", "./a/f file 4", "./d link a"] });

hostileImage("types change between layers", (victim) => [
  [
    { path: "d/f", data: "1" },
    { path: "l", type: "2", link: directoryOf(victim) },
    { path: "f", data: "2" },
  ],
  [{ path: "d", type: "2", link: "l" }, { path: "l/" }, { path: "f/" }, { path: "f/x", data: "3" }],
  [{ path: "d/victim", data: "4" }, { path: "f", type: "2", link: "d" }, { path: "f/y" }],
], {
  tree: [
    ...["./d link l", "./f link d", "./l dir", "./l/victim file 4", "./l/y file "],
  ],
});

hostileImage("a file is no directory for later entries", () => [[
  { path: "f", data: "1" },
  { path: "f/x", data: "2" },
]], { refused: ["invalid_argument"] });

hostileImage("a file of a lower layer is no directory for later entries", () => [
  [{ path: "f", data: "1" }],
  [{ path: "f/x", data: "2" }],
], { refused: ["invalid_argument"] });

hostileImage("entries that are there twice: the last one counts", () => [[
  ...["1", "22", "333"].map((data) => ({ path: "x", data })),
  { path: "./x", data: "4" },
  { path: "x/../x", data: "5" },
]], { tree: ["./x file 5"] });

hostileImage("overlayfs's own attributes do nothing", () => [
  [{ path: "d/f", data: "1" }, { path: "g", data: "2" }],
  [
    { path: "d/", pax: attribute("trusted.overlay.opaque", "y") },
    { path: "d/n", data: "3", pax: attribute("trusted.overlay.redirect", "/g") },
    { path: "u/", pax: attribute("user.overlay.opaque", "y") },
  ],
], { tree: ["./d dir", "./d/f file 1", "./d/n file 3", "./g file 2", "./u dir"] });
