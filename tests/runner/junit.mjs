/**
 * Reads the JUnit files that `bun test` and `deno test` write.
 *
 * @module
 */

const TAG = /<(\/?)(testcase|failure|error|skipped)\b((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>/g;
const ATTRIBUTE = /([\w:-]+)="([^"]*)"/g;
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * @param {string} xml
 * @returns {{ name: string, result: "passed" | "failed" | "skipped", message: string }[]}
 */
export function parseJunit(xml) {
  const cases = [];
  for (const [, closing, tag, attributes] of xml.matchAll(TAG)) {
    if (closing) continue;
    if (tag === "testcase") {
      cases.push({ name: attribute(attributes, "name"), result: "passed", message: "" });
      continue;
    }
    const current = cases.at(-1);
    if (current === undefined) continue;
    current.result = tag === "skipped" ? "skipped" : "failed";
    current.message = attribute(attributes, "message").split("\n")[0];
  }
  return cases;
}

function attribute(attributes, wanted) {
  for (const [, name, value] of attributes.matchAll(ATTRIBUTE)) {
    if (name === wanted) return value.replace(/&(#x?[\da-fA-F]+|\w+);/g, entity);
  }
  return "";
}

function entity(whole, name) {
  if (name.startsWith("#x")) return String.fromCodePoint(parseInt(name.slice(2), 16));
  if (name.startsWith("#")) return String.fromCodePoint(parseInt(name.slice(1), 10));
  return ENTITIES[name] ?? whole;
}
