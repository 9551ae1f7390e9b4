/**
 * `ctr-oci exec`.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { CtrError } from "../../src/errors.ts";
import { checkConsole, execInContainer } from "../../src/lifecycle/mod.ts";
import { type OciProcess, parseProcess } from "../../src/oci/mod.ts";
import { type Parsed, UsageError } from "../flags.ts";
import { define } from "./command.ts";
import { listenFds } from "./launch_flags.ts";

const FLAGS = {
  "additional-gids": { type: "list", short: "g", help: "Groups more" },
  "apparmor": { type: "string", help: "The AppArmor profile" },
  "cap": { type: "list", short: "c", help: "Capabilities more" },
  "cgroup": { type: "string", help: "A cgroup below the container's" },
  "console-socket": { type: "string", help: "A unix socket that the terminal's master is sent to" },
  "cwd": { type: "string", help: "The working directory" },
  "detach": { type: "bool", short: "d", help: "Do not wait for its end" },
  "env": { type: "list", short: "e", help: "Environment variables more" },
  "ignore-paused": { type: "bool", help: "Also into a container that is paused" },
  "no-new-privs": { type: "bool", help: "It can gain no privileges" },
  "no-subreaper": { type: "bool", hidden: true, help: "Obsolete" },
  "pid-file": { type: "string", help: "The file that gets the process's id" },
  "pidfd-socket": { type: "string", help: "A unix socket that a pidfd of the process is sent to" },
  "preserve-fds": {
    type: "int",
    default: 0,
    help: "How many descriptors after 0, 1 and 2 the process gets",
  },
  "process": { type: "string", short: "p", help: "The file that the process is described in" },
  "process-label": { type: "string", help: "The SELinux label" },
  "tty": { type: "bool", short: "t", help: "With a terminal" },
  "user": { type: "string", short: "u", help: "UID[:GID]" },
} as const;

type ExecFlags = Parsed<typeof FLAGS>["flags"];

export const command = define({
  name: "exec",
  usage: "[options] CONTAINER COMMAND [ARG...] | --process FILE CONTAINER",
  summary: "Add a process to a running container",
  args: [1, Infinity],
  flags: FLAGS,
}, async (context, { flags, args }) => {
  const [id, ...words] = args as [string, ...string[]];
  if (flags.process === undefined && words.length === 0) {
    throw new UsageError({
      command: "exec",
      reason: "process args cannot be empty",
      exitCode: 255,
    });
  }
  const consoleSocket = flags["console-socket"];
  const subCgroup = flags.cgroup;
  const added = flags.process === undefined ? undefined : readProcess(flags.process);
  const terminal = added === undefined ? flags.tty : added.terminal === true;
  checkConsole({ terminal, detached: flags.detach, consoleSocket });
  const front = flags.detach
    ? undefined
    : (await import("./foreground.ts")).foreground({ terminal });
  const sized = front === undefined || !terminal || added?.consoleSize !== undefined
    ? (made: OciProcess) => made
    : (await import("./terminal_size.ts")).sized;
  const process = await execInContainer({
    root: context.root,
    id,
    consoleSocket,
    pidfdSocket: flags["pidfd-socket"],
    pidFile: flags["pid-file"],
    preserveFds: flags["preserve-fds"] + listenFds(context),
    subCgroup,
    ignorePaused: flags["ignore-paused"],
    process: (own) => sized(added ?? fromFlags(flags, words, own)),
  });
  return front === undefined ? 0 : await front.wait(process);
});

function readProcess(path: string): OciProcess {
  try {
    return parseProcess(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = (error as Error).message;
    throw new CtrError({ code: "invalid_argument", operation: "read", subject: path, reason });
  }
}

/** The container's own process with another command, and what else the flags say. */
function fromFlags(
  flags: ExecFlags,
  args: readonly string[],
  own: OciProcess | undefined,
): OciProcess {
  if (own === undefined) {
    const reason = "the container has no process to take after; use --process";
    throw new CtrError({ code: "failed_precondition", operation: "exec", reason });
  }
  const { capabilities, ...rest } = own;
  const all = (list: readonly string[] = []) => [...new Set([...list, ...flags.cap])];
  return {
    ...rest,
    ...flags.cap.length === 0 ? capabilities === undefined ? {} : { capabilities } : {
      capabilities: {
        ...capabilities,
        bounding: all(capabilities?.bounding),
        effective: all(capabilities?.effective),
        permitted: all(capabilities?.permitted),
      },
    },
    args,
    terminal: flags.tty,
    cwd: flags.cwd ?? own.cwd,
    env: [...own.env ?? [], ...flags.env],
    user: userOf(flags, own.user),
    ...flags["no-new-privs"] ? { noNewPrivileges: true } : {},
    ...flags.apparmor === undefined ? {} : { apparmorProfile: flags.apparmor },
    ...flags["process-label"] === undefined ? {} : { selinuxLabel: flags["process-label"] },
  };
}

function userOf(flags: ExecFlags, own: OciProcess["user"]): OciProcess["user"] {
  const groups = flags["additional-gids"].map((text) => number(text, "additional-gids"));
  const [uid, gid] = flags.user?.split(":", 2) ?? [];
  return {
    ...own,
    ...uid === undefined ? {} : { uid: number(uid, "user") },
    ...gid === undefined ? {} : { gid: number(gid, "user") },
    ...groups.length === 0 ? {} : { additionalGids: [...own.additionalGids ?? [], ...groups] },
  };
}

function number(text: string, flag: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  const reason = `--${flag} takes numbers, not ${JSON.stringify(text)}`;
  throw new UsageError({ command: "exec", reason, exitCode: 255 });
}
