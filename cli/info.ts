/**
 * `ctr info`.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { cpus, hostname, release, totalmem } from "node:os";
import { arch, runtime } from "../ffi/mod.ts";
import { cgroupVersion } from "../src/runtime/mod.ts";
import { list, runtimes } from "../src/task/mod.ts";
import { type Context, define } from "./command.ts";
import { FORMAT_ONE_HELP } from "./format.ts";
import { binarySize } from "./humanize.ts";
import { VERSION } from "./version.ts";

export const command = define({
  name: "info",
  usage: "[OPTIONS]",
  summary: "Display system-wide information",
  args: [0, 0],
  flags: { "format": { type: "string", short: "f", help: FORMAT_ONE_HELP } },
}, async (context, { flags }) => {
  const info = await gather(context);
  if (flags.format !== undefined) {
    const { formatOne } = await import("./format.ts");
    context.out(formatOne(flags.format, info));
    return 0;
  }
  context.out(
    [
      `Containers: ${info.Containers}`,
      ` Running: ${info.ContainersRunning}`,
      ` Paused: ${info.ContainersPaused}`,
      ` Stopped: ${info.ContainersStopped}`,
      `Images: ${info.Images}`,
      `Version: ${info.ServerVersion}`,
      `JavaScript Runtime: ${info.JavaScriptRuntime}`,
      `Storage Driver: ${info.Driver}`,
      `Logging Driver: ${info.LoggingDriver}`,
      `Cgroup Driver: ${info.CgroupDriver}`,
      `Cgroup Version: ${info.CgroupVersion}`,
      `Runtimes: ${Object.keys(info.Runtimes).join(" ")}`,
      `Security Options:`,
      ...info.SecurityOptions.map((option) => ` ${option.replace(/^name=(\w+).*/, "$1")}`),
      `Kernel Version: ${info.KernelVersion}`,
      `Operating System: ${info.OperatingSystem}`,
      `OSType: ${info.OSType}`,
      `Architecture: ${info.Architecture}`,
      `CPUs: ${info.NCPU}`,
      `Total Memory: ${binarySize(info.MemTotal)}`,
      `Name: ${info.Name}`,
      `Root Dir: ${info.DockerRootDir}`,
      `Exec Dir: ${info.ExecRoot}`,
    ].map((line) => `${line}\n`).join(""),
  );
  return 0;
});

/** The names are Docker's, so that templates for `docker info` work. */
async function gather(context: Context) {
  const engine = context.engine();
  const { listContainers } = await list();
  const containers = await listContainers(engine);
  const count = (...wanted: string[]) =>
    containers.filter(({ status }) => wanted.includes(status)).length;
  return {
    Containers: containers.length,
    ContainersRunning: count("running"),
    ContainersPaused: count("paused"),
    ContainersStopped: count("exited", "created"),
    Images: (await engine.images.list()).length,
    Driver: engine.snapshotter.name,
    LoggingDriver: "json-file",
    CgroupDriver: "cgroupfs",
    CgroupVersion: String(cgroupVersion()),
    KernelVersion: release(),
    OperatingSystem: operatingSystem(),
    OSType: "linux",
    Architecture: arch,
    NCPU: cpus().length,
    MemTotal: totalmem(),
    DockerRootDir: engine.directories.data,
    ExecRoot: engine.directories.exec,
    Name: hostname(),
    ServerVersion: VERSION,
    JavaScriptRuntime: runtime,
    Runtimes: await installed(context),
    DefaultRuntime: "ctr",
    SecurityOptions: ["name=seccomp,profile=builtin"],
  };
}

/** The built-in runtime, and those that `--runtime` finds. */
async function installed(context: Context): Promise<Record<string, { readonly path?: string }>> {
  const { KNOWN_RUNTIMES, OWN_RUNTIME, runtimePath } = await runtimes();
  const env = [`PATH=${context.env["PATH"] ?? ""}`];
  const found = KNOWN_RUNTIMES.map((name) => [name, runtimePath(name, env)] as const)
    .flatMap(([name, path]) => path === undefined ? [] : [[name, { path }] as const]);
  return Object.fromEntries([[OWN_RUNTIME, {}], ...found]);
}

function operatingSystem(): string {
  try {
    return /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  } catch {
    return "Linux";
  }
}
