import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { trees } from "../../src/snapshot/mod.ts";
import { needs } from "../fixtures/needs.ts";

const { skip } = needs("root", "cmd:setfattr", "cmd:setcap");

/** Everything that a tree can have. */
const NASTY = `
mkdir -p d/e empty; echo hello > d/file; echo > d/e/deep; chmod 4755 d/file; chmod 1777 empty
ln d/file d/e/hard; ln d/file zzz; ln -s ../nowhere d/dangling; ln d/dangling d/same-link
mkfifo pipe; mknod null c 1 3; mknod disk b 259 70000; chown 70000:3000000 disk
printf x > "$(printf 'caf\\351')"; printf x > 'with
newline'; printf x > "$(printf 'n%.0s' $(seq 1 250))"
mkdir -p $(printf 'long/%.0s' $(seq 1 120)); echo y > $(printf 'long/%.0s' $(seq 1 120))file
ln -s $(printf 't%.0s' $(seq 1 900)) longlink
printf x > .hidden; setfattr -n user.name -v 'a=b c' d/file; setfattr -n user.empty d
setfattr -n trusted.mine -v 0x0001ff d/e/deep
cp /bin/true cap; setcap cap_net_raw+ep cap; truncate -s 3000000 holes; printf end >> holes
touch -d 1960-01-02 old; touch -d 2300-01-02 future; touch -d 2020-01-02 d empty d/e
`;

const LIST = `
find . -mindepth 1 -printf '%P %y %m %U %G %s %T@ %l %n\\n' | sed 's/\\.0000000000 / /' |
  grep -av ' d ' | sort
find . -mindepth 1 -type d -printf '%P %m %U %G\\n' | sort
getfattr -R -h -d -m - -e hex . | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum
stat -c '%n %t %T' null disk
`;

test(
  "tarOfDirectory() holds all of a tree, for tar(1) too, and is deterministic",
  { skip },
  async () => {
    const root = mkdtempSync(join(tmpdir(), "ctr-tree-"));
    try {
      const [from, to] = [join(root, "from"), join(root, "to")];
      for (const path of [from, to]) mkdirSync(path);
      execFileSync("sh", ["-ec", NASTY], { cwd: from });
      // Whole seconds, as layers have them.
      execFileSync("sh", [
        "-ec",
        "find . -newermt 2010-01-01 ! -newermt 2200-01-01 -exec touch -h -d 2024-05-06 {} +",
      ], {
        cwd: from,
      });
      const { tarOfDirectory } = await trees();
      const archive = async () => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of tarOfDirectory(from)) chunks.push(chunk);
        return Buffer.concat(chunks);
      };
      const first = await archive();
      const tar = ["-x", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-p", "-C", to];
      const { status, stderr } = spawnSync("tar", tar, { input: first });
      assert.equal(status, 0, String(stderr));
      const list = (cwd: string) =>
        execFileSync("sh", ["-c", LIST], { cwd, encoding: "latin1", maxBuffer: 1 << 26 });
      assert.deepEqual(list(to).split("\n"), list(from).split("\n"));
      assert.ok(first.equals(await archive()));
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  },
);
