/**
 * The options that containerd's clients give with Create and Checkpoint, which are runc's.
 *
 * @see https://github.com/containerd/containerd/blob/main/api/types/runc/options/oci.proto
 * @module
 */

import { CtrError } from "../../errors.ts";
import type { CheckpointRequest } from "../../runtime/mod.ts";
import { decode, type Decoded, encode, type Message } from "../protobuf.ts";
import type { ANY } from "../task_api.ts";

const OPTIONS = {
  noPivotRoot: [1, "bool"],
  noNewKeyring: [2, "bool"],
  shimCgroup: [3, "string"],
  ioUid: [4, "int"],
  ioGid: [5, "int"],
  binaryName: [6, "string"],
  root: [7, "string"],
  systemdCgroup: [9, "bool"],
} as const satisfies Message;

/** What clients send for runtimes that they do not know: the options of containerd's first shim. */
const OLD_OPTIONS = {
  noPivotRoot: [1, "bool"],
  noNewKeyring: [8, "bool"],
  shimCgroup: [9, "string"],
  ioUid: [10, "int"],
  ioGid: [11, "int"],
} as const satisfies Message;

const DUMP = {
  exit: [1, "bool"],
  openTcp: [2, "bool"],
  externalUnixSockets: [3, "bool"],
  terminal: [4, "bool"],
  fileLocks: [5, "bool"],
  emptyNamespaces: [6, "string", "repeated"],
  cgroupsMode: [7, "string"],
} as const satisfies Message;
const CHECKPOINT = { ...DUMP, imagePath: [8, "string"], workPath: [9, "string"] } as const;
const OLD_CHECKPOINT = { ...DUMP, workPath: [8, "string"], imagePath: [9, "string"] } as const;

/** What a client may ask for. */
export type RuncOptions = Decoded<typeof OPTIONS>;

type Any = Decoded<typeof ANY>;

/** Read them; none are all of the default. @throws {CtrError} `invalid_argument` for others than runc's */
export function runcOptions(any: Any | undefined): RuncOptions {
  const bytes = any?.value ?? new Uint8Array(0);
  switch (typeOf(any)) {
    case "":
    case "containerd.runc.v1.Options":
      return decode(OPTIONS, bytes);
    case "containerd.linux.runc.CreateOptions":
      return { ...decode(OPTIONS, new Uint8Array(0)), ...decode(OLD_OPTIONS, bytes) };
    default:
      throw unknownType(any!.typeUrl);
  }
}

/** What a checkpoint is asked for. @throws {CtrError} `invalid_argument` for others than runc's options */
export function checkpointRequest(path: string, any: Any | undefined): CheckpointRequest {
  const options = checkpointOptions(any);
  return {
    path: options.imagePath || path,
    ...options.workPath === "" ? {} : { workPath: options.workPath },
    leaveRunning: !options.exit,
    tcpEstablished: options.openTcp,
    externalUnixSockets: options.externalUnixSockets,
    shellJob: options.terminal,
    fileLocks: options.fileLocks,
    emptyNamespaces: options.emptyNamespaces,
    ...options.cgroupsMode === "" ? {} : { manageCgroups: options.cgroupsMode },
  };
}

/** Options for another shim. */
export function encodeOptions(options: Partial<RuncOptions>): Any {
  return { typeUrl: "containerd.runc.v1.Options", value: encode(OPTIONS, options) };
}

/** What another shim is asked for. */
export function encodeCheckpoint(request: CheckpointRequest): Any {
  const value = encode(CHECKPOINT, {
    exit: !request.leaveRunning,
    openTcp: request.tcpEstablished ?? false,
    externalUnixSockets: request.externalUnixSockets ?? false,
    terminal: request.shellJob ?? false,
    fileLocks: request.fileLocks ?? false,
    emptyNamespaces: request.emptyNamespaces ?? [],
    cgroupsMode: request.manageCgroups ?? "",
    imagePath: request.path,
    workPath: request.workPath ?? "",
  });
  return { typeUrl: "containerd.runc.v1.CheckpointOptions", value };
}

function checkpointOptions(any: Any | undefined): Decoded<typeof CHECKPOINT> {
  const bytes = any?.value ?? new Uint8Array(0);
  switch (typeOf(any)) {
    case "":
    case "containerd.runc.v1.CheckpointOptions":
      return decode(CHECKPOINT, bytes);
    case "containerd.linux.runc.CheckpointOptions":
      return decode(OLD_CHECKPOINT, bytes);
    default:
      throw unknownType(any!.typeUrl);
  }
}

/** Some write the type as a URL. */
function typeOf(any: Any | undefined): string {
  return any?.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1) ?? "";
}

function unknownType(subject: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "use options",
    subject,
    reason: "they are not of the type containerd.runc.v1.Options or CheckpointOptions",
  });
}
