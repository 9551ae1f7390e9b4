/**
 * The streams of a process as the Task API names them: paths of FIFOs or files, or URIs.
 *
 * @see https://github.com/containerd/containerd/blob/main/docs/PLUGINS.md
 * @module
 */

import { CtrError } from "../../errors.ts";
import { O } from "../../linux/mod.ts";
import { ensureDirectory, open } from "../../program/mod.ts";
import type { OutputSink } from "../output_sink.ts";
import type { OpenStdio } from "../process_io.ts";
import { openPipeWriter, PipeSink, PipeWriter } from "../pipe_sink.ts";
import { StdinFifo } from "../stdin_fifo.ts";
import type { StdioPaths } from "../types.ts";

/** Whose they are, as loggers are told. */
export interface StdioOwner {
  readonly id: string;
  /** containerd's. */
  readonly namespace: string;
  /** `NAME=value` for loggers. */
  readonly env: readonly string[];
  /** Whose the process's pipes are. */
  readonly uid: number;
  readonly gid: number;
}

/**
 * Open them.
 *
 * @throws {CtrError} `invalid_argument` for a URI that nobody knows, or why it cannot be opened
 */
export async function openStdio(paths: StdioPaths, owner: StdioOwner): Promise<OpenStdio> {
  const { stdin, stdout, stderr } = paths;
  const sinks = await openOutput({ stdout, stderr: paths.terminal ? "" : stderr }, owner);
  try {
    const { uid, gid } = owner;
    return { sinks, input: stdin === "" ? undefined : new StdinFifo(stdin), owner: { uid, gid } };
  } catch (error) {
    for (const sink of sinks) await sink.close();
    throw error;
  }
}

/** Where output goes, by its URIs: of a binary and of a file one says it all. */
export async function openOutput(
  { stdout, stderr }: { readonly stdout: string; readonly stderr: string },
  owner: StdioOwner,
): Promise<readonly OutputSink[]> {
  const uri = /^([a-z][a-z0-9+.-]*):\/\//.exec(stdout)?.[1];
  switch (uri) {
    case undefined:
    case "fifo": {
      const open = (path: string) => openPipeWriter(path.replace(/^fifo:\/\//, ""));
      if (stdout === "" && stderr === "") return [];
      const out = stdout === "" ? {} : { stdout: await open(stdout) };
      try {
        return [new PipeSink({ ...out, ...stderr === "" ? {} : { stderr: await open(stderr) } })];
      } catch (error) {
        await out.stdout?.close();
        throw error;
      }
    }
    case "file":
      return [fileSink(new URL(stdout))];
    case "binary":
      return [await (await import("./binary_logger.ts")).startLogger(new URL(stdout), owner)];
    default:
      throw new CtrError({
        code: "invalid_argument",
        operation: "open output",
        subject: stdout,
        reason: `"${uri}" is none of fifo, file and binary`,
      });
  }
}

/** Both streams into one file, whose directories are made. */
function fileSink({ pathname }: URL): OutputSink {
  const path = decodeURIComponent(pathname);
  ensureDirectory(path.slice(0, path.lastIndexOf("/")) || "/", 0o755);
  const writer = new PipeWriter(open(path, O.O_WRONLY | O.O_CREAT | O.O_APPEND, 0o644));
  return new PipeSink({ stdout: writer, stderr: writer });
}
