/**
 * `ctr info`.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { cpus, hostname, release, totalmem } from "node:os";
import { arch, runtime } from "../ffi/mod.ts";
import { cgroupVersion } from "../src/runtime/mod.ts";
import { list } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { type Flags, parseFlags } from "./flags.ts";
import { humanSize } from "./humanize.ts";
import { VERSION } from "./version.ts";

const FLAGS = {
  "format": { type: "string", short: "f", help: 'Format output with a Go template or "json"' },
} as const satisfies Flags;

export const command: Command = {
  usage: "info [OPTIONS]",
  summary: "Display system-wide information",
  flags: FLAGS,
  async run(context, argv) {
    const { flags } = parseFlags("info", FLAGS, argv);
    const engine = context.engine();
    const { listContainers } = await list();
    const containers = await listContainers(engine);
    const count = (status: string) => containers.filter((one) => one.status === status).length;
    const info = {
      Containers: containers.length,
      ContainersRunning: count("running"),
      ContainersPaused: count("paused"),
      ContainersStopped: count("exited") + count("created"),
      Images: (await engine.images.list()).length,
      ServerVersion: VERSION,
      Driver: engine.snapshotter.name,
      LoggingDriver: "json-file",
      CgroupDriver: "cgroupfs",
      CgroupVersion: String(cgroupVersion()),
      SecurityOptions: ["name=seccomp,profile=builtin"],
      KernelVersion: release(),
      OperatingSystem: operatingSystem(),
      OSType: "linux",
      Architecture: arch,
      NCPU: cpus().length,
      MemTotal: totalmem(),
      Name: hostname(),
      DockerRootDir: engine.directories.data,
      Runtime: runtime,
    };
    if (flags.format !== undefined) {
      const { formatRows } = await import("./format.ts");
      context.out(formatRows(flags.format, [info]));
      return 0;
    }
    const lines = [
      `Containers: ${info.Containers}`,
      ` Running: ${info.ContainersRunning}`,
      ` Paused: ${info.ContainersPaused}`,
      ` Stopped: ${info.ContainersStopped}`,
      `Images: ${info.Images}`,
      `Version: ${info.ServerVersion}`,
      `Runtime: ${info.Runtime}`,
      `Storage Driver: ${info.Driver}`,
      `Logging Driver: ${info.LoggingDriver}`,
      `Cgroup Driver: ${info.CgroupDriver}`,
      `Cgroup Version: ${info.CgroupVersion}`,
      `Kernel Version: ${info.KernelVersion}`,
      `Operating System: ${info.OperatingSystem}`,
      `Architecture: ${info.Architecture}`,
      `CPUs: ${info.NCPU}`,
      `Total Memory: ${humanSize(info.MemTotal)}`,
      `Name: ${info.Name}`,
      `Root Dir: ${info.DockerRootDir}`,
    ];
    context.out(lines.map((line) => line + "\n").join(""));
    return 0;
  },
};

function operatingSystem(): string {
  try {
    return /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  } catch {
    return "Linux";
  }
}
