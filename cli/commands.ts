/**
 * Where each command is.
 *
 * @module
 */

import type { Command } from "./command.ts";

type Load = () => Promise<{ readonly command: Command }>;

/** A file per command. Those of two words are in a group only. */
export const COMMANDS: Readonly<Record<string, Load>> = {
  attach: () => import("./attach.ts"),
  commit: () => import("./commit.ts"),
  "container prune": () => import("./container_prune.ts"),
  create: () => import("./create.ts"),
  diff: () => import("./diff.ts"),
  exec: () => import("./exec.ts"),
  export: () => import("./export.ts"),
  history: () => import("./history.ts"),
  "image prune": () => import("./image_prune.ts"),
  "image convert": () => import("./image_convert.ts"),
  "image verify": () => import("./image_verify.ts"),
  images: () => import("./images.ts"),
  import: () => import("./import.ts"),
  info: () => import("./info.ts"),
  inspect: () => import("./inspect.ts"),
  kill: () => import("./kill.ts"),
  load: () => import("./load.ts"),
  login: () => import("./login.ts"),
  logout: () => import("./logout.ts"),
  logs: () => import("./logs.ts"),
  "manifest inspect": () => import("./manifest_inspect.ts"),
  "network connect": () => import("./network_connect.ts"),
  "network create": () => import("./network_create.ts"),
  "network disconnect": () => import("./network_disconnect.ts"),
  "network inspect": () => import("./network_inspect.ts"),
  "network ls": () => import("./network_ls.ts"),
  "network prune": () => import("./network_prune.ts"),
  "network rm": () => import("./network_rm.ts"),
  pause: () => import("./pause.ts"),
  port: () => import("./port.ts"),
  ps: () => import("./ps.ts"),
  pull: () => import("./pull.ts"),
  push: () => import("./push.ts"),
  rename: () => import("./rename.ts"),
  restart: () => import("./restart.ts"),
  rm: () => import("./rm.ts"),
  rmi: () => import("./rmi.ts"),
  run: () => import("./run.ts"),
  save: () => import("./save.ts"),
  search: () => import("./search.ts"),
  start: () => import("./start.ts"),
  stats: () => import("./stats.ts"),
  stop: () => import("./stop.ts"),
  "system check": () => import("./system_check.ts"),
  "system df": () => import("./system_df.ts"),
  "system prune": () => import("./system_prune.ts"),
  tag: () => import("./tag.ts"),
  top: () => import("./top.ts"),
  unpause: () => import("./unpause.ts"),
  version: () => import("./version.ts"),
  wait: () => import("./wait.ts"),
};

/**
 * Docker's longer names: `container ls` is `ps`, with arguments that go before the person's own. A
 * name alone is the command of this group, or of this name.
 */
export const GROUPS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  container: group(
    "container",
    "attach,commit,create,diff,exec,export,inspect:inspect --type=container,kill," +
      "list:ps,logs,ls:ps,pause,port,prune,ps,remove:rm,rename,restart,rm,run,start," +
      "stats,stop,top,unpause,wait",
  ),
  image: group(
    "image",
    "convert,history,import,inspect:inspect --type=image,list:images,load,ls:images," +
      "prune,pull,push,remove:rmi,rm:rmi,save,tag,verify",
  ),
  manifest: group(
    "manifest",
    "inspect",
  ),
  network: group(
    "network",
    "connect,create,disconnect,inspect,list:network ls,ls,prune,remove:network rm,rm",
  ),
  system: group(
    "system",
    "check,df,info,prune",
  ),
};

function group(name: string, entries: string): Record<string, string> {
  return Object.fromEntries(
    entries.split(",").map((entry) => {
      const [word, target] = entry.split(":") as [string, string?];
      const own = `${name} ${word}`;
      return [word, target ?? (Object.hasOwn(COMMANDS, own) ? own : word)];
    }),
  );
}

/** What a person asked for. */
export type Found =
  | { readonly name: string; readonly load: Load; readonly args: readonly string[] }
  /** An overview: of a group, or of everything. */
  | { readonly overview: string | undefined }
  | { readonly unknown: string };

/** Find the command in what follows the global flags. */
export function find(words: readonly string[]): Found {
  const [first, second] = words;
  if (first === undefined) return { overview: undefined };
  if (Object.hasOwn(COMMANDS, first)) {
    return { name: first, load: COMMANDS[first]!, args: words.slice(1) };
  }
  if (first === "help") {
    const found = find(words.slice(1));
    return "load" in found ? { ...found, args: ["--help"] } : found;
  }
  if (!Object.hasOwn(GROUPS, first)) return { unknown: first };
  const group = GROUPS[first]!;
  if (second === undefined || second === "--help") return { overview: first };
  if (!Object.hasOwn(group, second)) return { unknown: `${first} ${second}` };
  const { name, before } = resolve(group[second]!);
  return { name, load: COMMANDS[name]!, args: [...before, ...words.slice(2)] };
}

/** The command that an entry of {@link GROUPS} means, and the arguments that it brings. */
export function resolve(entry: string): { readonly name: string; readonly before: string[] } {
  if (Object.hasOwn(COMMANDS, entry)) return { name: entry, before: [] };
  const [name, ...before] = entry.split(" ") as [string, ...string[]];
  return { name, before };
}
