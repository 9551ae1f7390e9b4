/**
 * Which hosts are near, what is between us and the others, and why one cannot be reached.
 *
 * @module
 */

/** True for hosts whose traffic does not leave this machine. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "");
  return name === "localhost" || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name);
}

/** The texts of an error and its causes, shortest useful form. */
export function chainText(error: unknown): string {
  const texts: string[] = [];
  for (let e = error; e instanceof Error; e = e.cause) texts.push(e.message);
  // Bun tells how to debug fetch, which nobody here called.
  return (texts.at(-1) ?? String(error)).replace(/\.? For more information, pass .*$/, "");
}

/**
 * Where the machine's owner says how registries are reached: `$CTR_HOSTS_DIR` (several with colons),
 * by default the directories of containerd and Docker, the user's own ones first.
 */
export function hostsDirectories(env: Readonly<Record<string, string | undefined>>): string[] {
  const own = env["CTR_HOSTS_DIR"];
  if (own) return own.split(":").filter((path) => path !== "");
  const home = env["XDG_CONFIG_HOME"] || (env["HOME"] ? `${env["HOME"]}/.config` : undefined);
  return [...home === undefined ? [] : [home], "/etc"].flatMap((root) => [
    `${root}/containerd/certs.d`,
    `${root}/docker/certs.d`,
  ]);
}

/** What the variables say. */
export interface ProxySettings {
  /** `HTTP_PROXY`, for URLs without TLS. */
  readonly http: string;
  /** `HTTPS_PROXY`. */
  readonly https: string;
  /** `NO_PROXY`: hosts, domains, addresses and networks with commas between, or `*`. */
  readonly no: string;
}

/** The settings of an environment; undefined when it names no proxy. */
export function proxySettings(
  env: Readonly<Record<string, string | undefined>>,
): ProxySettings | undefined {
  const either = (name: string): string => env[name] || env[name.toLowerCase()] || "";
  // In a CGI program the variable may be a request's header Proxy (CVE-2016-5386).
  const http = env["REQUEST_METHOD"] ? env["http_proxy"] || "" : either("HTTP_PROXY");
  const https = either("HTTPS_PROXY");
  return http === "" && https === "" ? undefined : { http, https, no: either("NO_PROXY") };
}
