import assert from "node:assert/strict";
import { test } from "node:test";
import { formatOne, formatRows, printRows, type Row } from "./format.ts";

const ROWS: readonly Row[] = [
  { ID: "1", Names: "web", Label: (key: unknown) => `of ${key}` },
  { ID: "2", Names: "database", Label: () => "" },
];

const show = (format?: string, quiet = false) =>
  formatRows(ROWS, { format, columns: { ID: "CONTAINER ID", Names: "NAMES" }, quiet });

test("formatRows() prints a table unless told otherwise", () => {
  const text = "CONTAINER ID   NAMES\n1              web\n2              database\n";
  assert.equal(show(), text);
  assert.equal(show("table"), text);
});

test("formatRows() prints a line of JSON per row", () => {
  assert.equal(show("json"), '{"ID":"1","Names":"web"}\n{"ID":"2","Names":"database"}\n');
});

test("formatRows() fills a template per row", () => {
  assert.equal(show("{{.Names}}: {{.ID}}"), "web: 1\ndatabase: 2\n");
  assert.throws(() => show("{{.Nope}}"), /no field "Nope"/);
});

test("formatRows() fills a table of templates, with headings", () => {
  assert.equal(
    show('table {{.Names}}\\t{{.ID}}\\t{{.Label "com.example.x"}}'),
    "NAMES      CONTAINER ID   x\nweb        1              of com.example.x\ndatabase   2              \n",
  );
  assert.equal(show("table {{.Names}}").split("\n")[0], "NAMES");
});

test("printRows() lets --quiet win, and says so", () => {
  const said = { out: "", err: "" };
  const context = {
    out: (text: string | Uint8Array) => void (said.out += text),
    err: (text: string | Uint8Array) => void (said.err += text),
  };
  printRows(context, ROWS, { format: "{{.Names}}", columns: {}, quiet: true });
  assert.equal(said.out, "1\n2\n");
  assert.match(said.err, /^WARNING: Ignoring custom format/);
});

test("formatOne() prints JSON or fills a template", () => {
  assert.equal(formatOne("json", { a: 1 }), '{"a":1}\n');
  assert.equal(formatOne("{{.a}}", { a: 1 }), "1\n");
});
