/**
 * Which proxy a URL is reached through, by the variables that every program of the field knows, with
 * the rules of Go's `httpproxy`, which Docker's and containerd's are.
 *
 * @see https://pkg.go.dev/golang.org/x/net/http/httpproxy
 * @module
 */

import { BlockList, isIP } from "node:net";
import { CtrError } from "../errors.ts";
import { isLoopback, type ProxySettings } from "./reach.ts";

/**
 * The proxy for a URL, undefined when it is reached directly. What is on this machine always is.
 *
 * @throws {CtrError} `invalid_argument` when the setting is not an URL; `not_implemented` for SOCKS
 */
export function proxyOf(url: URL, settings: ProxySettings | undefined): URL | undefined {
  const text = url.protocol === "https:" ? settings?.https : settings?.http;
  if (text === undefined || text === "" || isLoopback(url.hostname)) return undefined;
  if (isExempt(url, settings!.no)) return undefined;
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(whole)) {
    throw unusable("invalid_argument", whole, "it is not an URL");
  }
  const proxy = new URL(whole);
  if (proxy.protocol === "http:" || proxy.protocol === "https:") return proxy;
  throw unusable("not_implemented", whole, "only http and https proxies are supported");
}

function isExempt(url: URL, list: string): boolean {
  const host = bare(url.hostname);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list.split(",").map((each) => each.trim().toLowerCase()).some((entry) => {
    if (entry === "") return false;
    if (entry === "*") return true;
    const network = /^(.+)\/(\d{1,3})$/.exec(entry);
    if (network !== null) return isInside(host, bare(network[1]!), Number(network[2]));
    const [, name, only] = isIP(entry) === 6
      ? [entry, entry]
      : /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
    if (name === undefined || name === "" || only !== undefined && only !== port) return false;
    const wanted = bare(name).replace(/^\*\./, ".");
    if (isIP(wanted) !== 0 || isIP(host) !== 0) return wanted === host;
    return wanted.startsWith(".")
      ? host.endsWith(wanted)
      : host === wanted || host.endsWith(`.${wanted}`);
  });
}

function isInside(host: string, network: string, bits: number): boolean {
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || bits > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const type = family === 4 ? "ipv4" : "ipv6";
  list.addSubnet(network, bits, type);
  return list.check(host, type);
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

/** A proxy's URL may have a password: only its host is shown. */
function unusable(code: "invalid_argument" | "not_implemented", text: string, reason: string) {
  const subject = text.replace(/^[^/]*\/\/(?:.*@)?/, "");
  return new CtrError({ code, operation: "use proxy", subject, reason });
}
