import assert from "node:assert/strict";
import { test } from "node:test";
import { renderTemplate } from "./template.ts";

const WEB = {
  Name: "/web",
  State: { Status: "running", Running: true, Pid: 42, Error: "" },
  Config: {
    Env: ["A=1", "B=2"],
    Labels: { "com.x": "y", "b": "c" },
    Entrypoint: null,
    Empty: [] as string[],
  },
  Mounts: [{ Source: "/a", RW: true }, { Source: "/b", RW: false }],
  Ports: { "80/tcp": [{ HostPort: "8080" }] },
  Label: (name: unknown) => `label ${name}`,
};

/** Templates and what they give, in the order in which Go's documentation explains them. */
const CASES: readonly (readonly [string, string])[] = [
  ["plain", "plain"],
  ["{{.Name}}", "/web"],
  ["{{ .Name }}", "/web"],
  ["{{.State.Status}} {{.State.Pid}}", "running 42"],
  ["{{.Nope}}", "<no value>"],
  ["{{.Nope.Deeper}}", "<no value>"],
  ["{{.Config.Entrypoint}}", "[]"],
  ["{{.Config.Env}}", "[A=1 B=2]"],
  ["{{.Config.Labels}}", "map[b:c com.x:y]"],
  ["{{json .Config.Env}}", '["A=1","B=2"]'],
  ["{{json .Nope}}", "null"],
  ["{{.State | json}}", '{"Status":"running","Running":true,"Pid":42,"Error":""}'],
  ["{{/* a comment */}}x", "x"],
  ["{{- /* a comment */ -}} x", "x"],
  ["a {{- .Name -}} b", "a/webb"],
  ["a {{-3}}", "a -3"],
  ['{{`raw`}} {{"quoted \\"x\\" \\n"}}', 'raw quoted "x" \n'],
  ['{{"}}"}}', "}}"],
  ["a\\tb\\n", "a\tb\n"],
  ["{{if .State.Running}}up{{else}}down{{end}}", "up"],
  ["{{if .State.Error}}bad{{else if .Nope}}odd{{else}}fine{{end}}", "fine"],
  ["{{if .Config.Empty}}x{{end}}", ""],
  ["{{if and .State.Running (eq .State.Pid 42)}}yes{{end}}", "yes"],
  ["{{if or .Nope (not .State.Running)}}yes{{else}}no{{end}}", "no"],
  ["{{if ne .Name `x`}}a{{end}}{{if lt 1 2}}b{{end}}{{if ge 2 2}}c{{end}}", "abc"],
  ["{{eq .State.Status `exited` `running`}}", "true"],
  ["{{and .Nope (index .Config.Env 9)}}", "<no value>"],
  ["{{range .Config.Env}}{{println .}}{{end}}", "A=1\nB=2\n"],
  ["{{range .Config.Empty}}x{{else}}none{{end}}", "none"],
  ["{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "b=c;com.x=y;"],
  ["{{range $i, $e := .Config.Env}}{{if $i}},{{end}}{{$e}}{{end}}", "A=1,B=2"],
  ["{{range .Mounts}}{{.Source}}{{if not .RW}}:ro{{end}} {{end}}", "/a /b:ro "],
  ["{{range .Mounts}}{{$.Name}}{{break}}{{end}}", "/web"],
  ["{{range .Mounts}}{{if .RW}}{{continue}}{{end}}{{.Source}}{{end}}", "/b"],
  ["{{with .State}}{{.Pid}}{{end}}{{with .Nope}}x{{else}}-{{end}}", "42-"],
  ["{{$x := .State}}{{$x.Pid}} {{$x.Status | upper}}", "42 RUNNING"],
  ["{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{with $y := .State.Pid}}{{$y}}{{end}}", "42"],
  ['{{index .Config.Labels "com.x"}}', "y"],
  ["{{index .Config.Env 1}}", "B=2"],
  ['{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"],
  ["{{range $p, $c := .Ports}}{{$p}}->{{(index $c 0).HostPort}}{{end}}", "80/tcp->8080"],
  ['{{join .Config.Env ", "}}', "A=1, B=2"],
  ["{{len .Config.Env}} {{len .Name}} {{len .Config.Labels}}", "2 4 2"],
  ['{{split "a,b" ","}} {{lower "AB"}} {{title "ab cd"}}', "[a b] ab Ab Cd"],
  ["{{slice .Name 1}} {{slice .Name 0 2}}", "web /w"],
  ['{{printf "%-6s|%3d|%q|%v|%%|%05d" "ab" 7 "x" true 42}}', 'ab    |  7|"x"|true|%|00042'],
  ['{{.Name | printf "%s!"}}', "/web!"],
  ['{{print "a" 1}} {{truncate "abcdef" 3}} {{pad "x" 1 2}}.', "a1 abc  x  ."],
  ['{{.Label "b"}}', "label b"],
  ["{{not true}} {{true}}", "false true"],
];

test("renderTemplate() does what Go and Docker do", () => {
  for (const [template, text] of CASES) {
    assert.equal(renderTemplate(template, WEB), text, template);
  }
});

test("renderTemplate() says what is wrong with a template", () => {
  const cases: [string, RegExp][] = [
    ["{{.Name", /unclosed action/],
    ["{{}}", /missing value/],
    ["{{nope .Name}}", /function "nope" not defined/],
    ["{{if .Name}}", /{{if}} without {{end}}/],
    ["{{end}}", /unexpected {{end}}/],
    ["{{if .Name}}{{else}}{{else}}{{end}}", /two {{else}}/],
    ["{{.Name .State}}", /only functions/],
    ["{{$x}}", /undefined variable "\$x"/],
    ["{{index .Config.Env 5}}", /out of range/],
    ["{{slice .Name 9}}", /out of range/],
    ["{{(.Name}}", /unclosed left paren/],
    ["{{.Name)}}", /unexpected "\)"/],
    ["{{.Name | }}", /missing value/],
    ["{{range .Name}}{{end}}", /cannot iterate/],
    ['{{template "x"}}', /not supported/],
    ["{{.Name.Deeper}}", /no field "Deeper"/],
    ["{{ # }}", /unexpected "#"/],
    ["{{constructor}}", /function "constructor" not defined/],
  ];
  for (const [template, message] of cases) {
    assert.throws(() => renderTemplate(template, WEB), message, template);
  }
});

test("renderTemplate() reaches nothing but what it was given", () => {
  assert.equal(renderTemplate("{{.constructor}}{{.__proto__}}", {}), "<no value><no value>");
  assert.equal(renderTemplate('{{index . "constructor"}}', {}), "<no value>");
});

test("renderTemplate() in strict mode wants fields to be there", () => {
  assert.throws(() => renderTemplate("{{.Nope}}", WEB, { strict: true }), /no field "Nope"/);
  assert.equal(renderTemplate("{{.Name}}", WEB, { strict: true }), "/web");
});
