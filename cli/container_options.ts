/**
 * The flags of `run` and `create`, as the engine's options.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { exists } from "../src/program/mod.ts";
import type { ContainerOptions } from "../src/task/mod.ts";
import type { Context } from "./command.ts";
import { environmentOf, labelsOf, parsePairs } from "./env_file.ts";
import type { Parsed } from "./flags.ts";
import type { CONTAINER_FLAGS } from "./run_flags.ts";

/** Translate. Nothing is made yet but the directories that `--volume` names. */
export async function containerOptions(
  { flags, args }: Parsed<typeof CONTAINER_FLAGS>,
  { env, engine }: Pick<Context, "env"> & Partial<Pick<Context, "engine">>,
  { makeNothing = false }: { readonly makeNothing?: boolean } = {},
): Promise<ContainerOptions> {
  const [image, ...command] = args as [string, ...string[]];
  checkCidFile(flags.cidfile);
  return {
    image,
    ...flags.rootfs ? { rootfs: below(process.cwd(), image) } : {},
    command,
    ...given("name", flags.name),
    ...flags.entrypoint === undefined ? {} : { entrypoint: [flags.entrypoint] },
    env: environmentOf(flags, env),
    ...given("workingDir", flags.workdir),
    ...given("user", flags.user),
    groupAdd: flags["group-add"],
    ...given("hostname", flags.hostname),
    labels: labelsOf(flags),
    tty: flags.tty,
    openStdin: flags.interactive,
    autoRemove: flags.rm,
    mounts: await mountsOf(flags, makeNothing),
    readonlyRootfs: flags["read-only"],
    privileged: flags.privileged,
    capAdd: flags["cap-add"],
    capDrop: flags["cap-drop"],
    securityOpt: flags["security-opt"],
    ...given("memoryBytes", flags.memory),
    ...given("nanoCpus", flags.cpus === undefined ? undefined : Math.round(flags.cpus * 1e9)),
    ...given("pidsLimit", flags["pids-limit"]),
    ulimits: flags.ulimit.length === 0
      ? []
      : flags.ulimit.map((await import("./ulimit.ts")).parseUlimit),
    init: flags.init,
    ...await networkOf(flags),
    ...given("stopSignal", flags["stop-signal"]),
    ...given("stopTimeoutSec", flags["stop-timeout"]),
    sysctl: parsePairs(flags.sysctl),
    ...given("shmBytes", flags["shm-size"]),
    ...given("runtime", flags.runtime),
    ...given("restart", flags.restart),
    ...given("logDriver", flags["log-driver"]),
    ...flags["log-opt"][0] ? { logOptions: parsePairs(flags["log-opt"]) } : {},
    ...given("platform", flags.platform),
    ...given("snapshotter", flags.snapshotter),
    pull: pullPolicy(flags.pull),
    ...flags.verify === "none" ? {} : { verify: await verifier(flags, { env, engine: engine! }) },
  };
}

async function verifier(
  flags: Parsed<typeof CONTAINER_FLAGS>["flags"],
  context: Pick<Context, "env" | "engine">,
): Promise<NonNullable<ContainerOptions["verify"]>> {
  if (flags.rootfs) throw invalid("--verify", flags.verify, "there is no image with --rootfs");
  return await (await import("./image_verifier.ts")).imageVerifier(context, flags);
}

function given<K extends string, T>(key: K, value: T | undefined): { [_ in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [_ in K]?: T };
}

function below(directory: string, path: string): string {
  return path.startsWith("/") ? path : `${directory}/${path}`;
}

async function mountsOf(
  flags: Parsed<typeof CONTAINER_FLAGS>["flags"],
  makeNothing: boolean,
): Promise<NonNullable<ContainerOptions["mounts"]>> {
  if (flags.volume.length + flags.mount.length + flags.tmpfs.length === 0) return [];
  const { createVolumeSources, parseMounts } = await import("./mounts.ts");
  const cwd = process.cwd();
  const mounts = parseMounts(flags, cwd);
  if (!makeNothing) createVolumeSources(flags, cwd);
  return mounts;
}

/** What most say of networks needs no more than this. */
async function networkOf(
  flags: Parsed<typeof CONTAINER_FLAGS>["flags"],
): Promise<Partial<ContainerOptions>> {
  const names = [...flags.net, ...flags.network];
  const plain = names.length < 2 && [undefined, "none", "host"].includes(names[0]) &&
    !NETWORK_FLAGS.some((flag) => (flags[flag] ?? "").length > 0) && !flags["publish-all"];
  if (plain) return { network: names[0] ?? "none" };
  return (await import("./network_flags.ts")).networkOptions(flags, names);
}

const NETWORK_FLAGS = [
  ...["publish", "expose", "ip", "ip6", "mac-address", "network-alias", "net-alias"] as const,
  ...["add-host", "dns", "dns-opt", "dns-option", "dns-search"] as const,
];

function pullPolicy(text: string): "always" | "missing" | "never" {
  if (text === "always" || text === "missing" || text === "never") return text;
  throw invalid("--pull", text, 'it is "always", "missing" or "never"');
}

/** An existing file is another container's. */
function checkCidFile(path: string | undefined): void {
  if (path === undefined || !exists(path)) return;
  throw new CtrError({
    code: "already_exists",
    operation: "write container ID",
    subject: path,
    reason: "the file exists; the container that it names may be running",
  });
}

function invalid(flag: string, subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: `use ${flag}`, subject, reason });
}
