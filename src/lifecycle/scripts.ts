/**
 * What the launcher can do for a container without a JavaScript runtime: to start and to delete one
 * takes a few system calls, and no more than a shell. What a script is not sure of it leaves to the
 * real command, by doing nothing.
 *
 * @module
 */

import { writeFile } from "../program/mod.ts";
import { cgroupDirectoriesAt } from "../runtime/mod.ts";
import type { Launched } from "./launch.ts";

/**
 * Write `start.sh` and `delete.sh` where they are enough. The launcher reads them with `$dir`, the
 * container's directory; they end it when they have done it all.
 */
export function writeScripts({ record, directory, spec }: Launched): void {
  const { startContainer = [], poststart = [], poststop = [] } = spec.hooks ?? {};
  const { pid, startTime } = record;
  if (startContainer.length + poststart.length === 0) {
    writeFile(`${directory}/start.sh`, startScript(pid, startTime));
  }
  const alone = record.unit === undefined && spec.linux?.intelRdt === undefined;
  if (poststop.length === 0 && alone) {
    const cgroups = cgroupDirectoriesAt(record.cgroupsPath);
    writeFile(`${directory}/delete.sh`, deleteScript(pid, startTime, cgroups));
  }
}

/** Sets `$state` and, as `$20`, the start time of the process, or both to nothing. */
const lookAt = (pid: number) =>
  `stat=; { read -r stat </proc/${pid}/stat; } 2>/dev/null
set -f; set -- \${stat##*) }; state=\${1-}
`;

/**
 * A byte more than is read does no harm, so it is written first: a crash after it leaves a container that
 * runs. Of many that get so far only the one that makes the file has started it; the real command tells
 * the others. `true`, because a redirection of `:` that fails ends a shell.
 */
function startScript(pid: number, startTime: string): string {
  return `${lookAt(pid)}case "$state \${20-}" in
  [!ZX]" ${startTime}")
    if [ ! -e "$dir/started" ] && [ -p "$dir/gate" ]; then
      printf g 1<>"$dir/gate"
      set -C # and true, not :, whose failed redirection would end the shell
      { true >"$dir/started"; } 2>/dev/null && exit 0
      set +C
    fi ;;
esac
set +f
`;
}

/** A process that lives, or a cgroup that is busy, is for the real command. */
function deleteScript(pid: number, startTime: string, cgroups: readonly string[]): string {
  const quoted = cgroups.map((path) => `'${path.replaceAll("'", "'\\''")}'`).join(" ");
  return `${lookAt(pid)}set +f
case "$state \${20-}" in
  [!ZX]" ${startTime}") ;;
  *)
    if ${quoted === "" ? "true" : `rmdir ${quoted} 2>/dev/null`}; then
      exec rm -rf "$dir"
    fi ;;
esac
`;
}
