/**
 * Which hosts are near, and why a far one cannot be reached.
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
  return texts.at(-1) ?? String(error);
}
