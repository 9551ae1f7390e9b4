/**
 * Log drivers and their options, as `--log-driver` and `--log-opt` name them.
 *
 * @see https://docs.docker.com/engine/logging/configure/
 * @module
 */

import { CtrError } from "../errors.ts";
import type { LogTarget } from "../shim/mod.ts";
import type { ContainerRecord, LogConfig } from "../state/mod.ts";

import type { ContainerOptions } from "./types.ts";

const LINE_OPTIONS = ["labels", "labels-regex", "env", "env-regex", "tag"];
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  "json-file": [...LINE_OPTIONS, "max-size", "max-file", "compress"],
  journald: LINE_OPTIONS,
  syslog: [...LINE_OPTIONS, "syslog-address", "syslog-facility", "syslog-format"],
  none: [],
};
const FACILITIES = [
  ..."kern user mail daemon auth syslog lpr news uucp cron authpriv ftp".split(" "),
  ...["", "", "", ""],
  ...Array.from({ length: 8 }, (_, index) => `local${index}`),
];
const FORMATS = ["", "rfc3164", "rfc5424", "rfc5424micro"] as const;
/** Docker's, by driver: json-file has none. */
const DEFAULT_TAG = "{{.ID}}";

/** How a container's output is logged, should that not be the plain json-file log. */
export function logConfigOf(
  { logDriver: type = "json-file", logOptions: config = {} }: ContainerOptions,
): { readonly logConfig?: LogConfig } {
  if (type === "json-file" && Object.keys(config).length === 0) return {};
  checkLogConfig({ type, config });
  return { logConfig: { type, config } };
}

/** Check what a person asks for. @throws {CtrError} `invalid_argument`, `not_implemented` */
export function checkLogConfig({ type, config }: LogConfig): void {
  const known = isUri(type) ? [] : OPTIONS[type];
  if (known === undefined) throw invalid("--log-driver", type, "there is no such log driver");
  for (const name of Object.keys(config)) {
    if (!known.includes(name)) {
      throw invalid("--log-opt", name, `unknown log opt '${name}' for ${type} log driver`);
    }
  }
  if (config["compress"] !== undefined && config["compress"] !== "false") {
    throw new CtrError({
      code: "not_implemented",
      operation: "use --log-opt",
      subject: "compress",
      reason: "rotated logs are not compressed",
    });
  }
  maxBytes(config);
  maxFiles(config);
  if (type === "syslog") syslogOf(config);
  renderTag(config["tag"] ?? "", { id: "", name: "", imageId: "", image: "" });
  for (const name of ["labels-regex", "env-regex"]) pattern(name, config[name]);
}

/** What the shim is told; undefined for the plain json-file log. */
export function logTarget(
  record: ContainerRecord,
  env: readonly string[],
): LogTarget | undefined {
  const { logConfig } = record.hostConfig;
  if (logConfig === undefined) return undefined;
  const { type, config } = logConfig;
  const isJson = type === "json-file";
  const tag = renderTag(config["tag"] ?? (isJson ? "" : DEFAULT_TAG), record);
  const attrs = { ...extraAttributes(record, config), ...isJson && tag !== "" ? { tag } : {} };
  const [bytes, files] = [maxBytes(config), maxFiles(config)];
  return {
    driver: isUri(type) ? "uri" : type as "json-file" | "none" | "journald" | "syslog",
    tag,
    name: record.name,
    imageName: record.image,
    attrs,
    env,
    ...bytes === undefined ? {} : { maxBytes: bytes },
    ...files === undefined ? {} : { maxFiles: files },
    ...isUri(type) ? { uri: type } : {},
    ...type === "syslog" ? { syslog: syslogOf(config) } : {},
  };
}

/** Whether `logs` can read what a driver wrote. */
export function isReadable(config: LogConfig | undefined): boolean {
  return config === undefined || config.type === "json-file";
}

function isUri(type: string): boolean {
  return /^(file|binary):\/\/\//.test(type);
}

function maxBytes({ "max-size": text }: LogConfig["config"]): number | undefined {
  if (text === undefined || text === "-1") return undefined;
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?) ?([kmgt]?)i?b?$/i.exec(text) ?? [];
  if (number === undefined || Number(number) <= 0) {
    throw invalid("--log-opt max-size", text, "it is a size such as 10m");
  }
  return Math.floor(Number(number) * 1024 ** " kmgt".indexOf(unit.toLowerCase() || " "));
}

function maxFiles({ "max-file": text }: LogConfig["config"]): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text) && Number(text) >= 1) return Number(text);
  throw invalid("--log-opt max-file", text, "it is a number of at least 1");
}

function syslogOf(config: LogConfig["config"]): NonNullable<LogTarget["syslog"]> {
  const {
    "syslog-address": address = "unix:///dev/log",
    "syslog-facility": facility = "daemon",
    "syslog-format": format = "",
  } = config;
  if (!/^(unix|unixgram):\/\/\/.|^(udp|tcp):\/\/./.test(address)) {
    throw invalid("--log-opt syslog-address", address, "it begins with unix, unixgram, udp or tcp");
  }
  const number = /^\d+$/.test(facility) ? Number(facility) : FACILITIES.indexOf(facility);
  if (facility === "" || number < 0 || number > 23) {
    throw invalid("--log-opt syslog-facility", facility, "there is no such facility");
  }
  const known = FORMATS.find((name) => name === format);
  if (known === undefined) {
    throw invalid("--log-opt syslog-format", format, `it is one of ${FORMATS.join(", ").trim()}`);
  }
  return { address, facility: number, format: known };
}

/** Labels and variables that go with every line. */
function extraAttributes(
  { config: { labels, env } }: ContainerRecord,
  config: LogConfig["config"],
): Record<string, string> {
  const names = (option: string) => (config[option] ?? "").split(",").map((name) => name.trim());
  const chosen = (all: readonly (readonly [string, string])[], option: string) => {
    const regex = pattern(`${option}-regex`, config[`${option}-regex`]);
    return all.filter(([name]) => names(option).includes(name) || regex?.test(name));
  };
  const variables = env.map((entry): [string, string] => {
    const at = entry.indexOf("=");
    return [entry.slice(0, at), entry.slice(at + 1)];
  });
  return Object.fromEntries([
    ...chosen(Object.entries(labels), "labels"),
    ...chosen(variables, "env"),
  ]);
}

function pattern(name: string, text: string | undefined): RegExp | undefined {
  try {
    return text === undefined ? undefined : new RegExp(text);
  } catch {
    throw invalid(`--log-opt ${name}`, text!, "it is not a regular expression");
  }
}

/** Docker's fields of a tag. */
function renderTag(
  template: string,
  { id, name, imageId, image }: Pick<ContainerRecord, "id" | "name" | "imageId" | "image">,
): string {
  const short = (digest: string) => digest.replace(/^sha256:/, "").slice(0, 12);
  const fields: Readonly<Record<string, string>> = {
    ID: short(id),
    FullID: id,
    Name: name,
    ImageID: short(imageId),
    ImageFullID: imageId,
    ImageName: image,
    DaemonName: "ctr",
  };
  return template.replace(/\{\{(.*?)\}\}/gs, (whole, inside: string) => {
    const field = /^\s*\.(\w+)\s*$/.exec(inside)?.[1] ?? "";
    const value = fields[field];
    if (value !== undefined) return value;
    throw invalid("--log-opt tag", whole, `it is one of ${Object.keys(fields).join(", ")}`);
  });
}

function invalid(flag: string, subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: `use ${flag}`, subject, reason });
}
