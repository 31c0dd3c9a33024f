import { describe, expect, test } from "vitest";
import { compileGoTemplate, TemplateError } from "./go-template.ts";

const data = {
  kind: "Pod",
  metadata: { name: "web", labels: { app: "web", tier: "front" }, note: null },
  spec: {
    containers: [
      { name: "c", image: "nginx:1", ports: [80, 443] },
      { name: "d", image: "redis:7" },
    ],
  },
  numbers: { int: 3, big: 12345678, half: 0.5, tiny: 0.00001, none: 0 },
  yes: true,
  text: '<a href="x">&\'',
};
const run = (source: string, strict = false) => compileGoTemplate(source, { name: "output", strict }).execute(data);

describe("a template prints", () => {
  test.each([
    ["plain text", "plain text"],
    ["{{.kind}} {{ .metadata.name }}", "Pod web"],
    ["{{.missing}} {{.metadata.note}} {{.metadata.missing}}", "<no value> <no value> <no value>"],
    [
      "{{.metadata.labels}} {{.spec.containers}}",
      "map[app:web tier:front] [map[image:nginx:1 name:c ports:[80 443]] map[image:redis:7 name:d]]",
    ],
    ["{{.metadata}}", "map[labels:map[app:web tier:front] name:web note:<nil>]"],
    ["{{.numbers.int}} {{.numbers.big}} {{.numbers.half}} {{.numbers.tiny}}", "3 12345678 0.5 1e-05"],
    ['{{1}} {{-2}} {{0x1f}} {{1.5}} {{\'a\'}} {{true}} {{`raw"`}} {{"a\\tb"}}', '1 -2 31 1.5 97 true raw" a\tb'],
    ["a {{- 1 -}} b", "a1b"],
    ["a {{- /* said aside */ -}} b{{/* and again */}}c", "abc"],
    ["{{$x := .kind}}{{$x}}{{$x = 1}}{{$x}} {{$.kind}}", "Pod1 Pod"],
  ])("%s", (source, text) => {
    expect(run(source)).toBe(text);
  });
});

describe("control", () => {
  test.each([
    ["{{if .yes}}a{{else}}b{{end}}", "a"],
    ["{{if .numbers.none}}a{{else if .missing}}b{{else}}c{{end}}", "c"],
    ["{{with .metadata}}{{.name}}{{else}}none{{end}} {{with .nothing}}x{{else with .kind}}{{.}}{{end}}", "web Pod"],
    ["{{range .spec.containers}}{{.name}},{{else}}none{{end}}", "c,d,"],
    ["{{range $i, $c := .spec.containers}}{{$i}}={{$c.name}};{{end}}", "0=c;1=d;"],
    ["{{range $k, $v := .metadata.labels}}{{$k}}:{{$v}} {{end}}", "app:web tier:front "],
    ["{{range .missing}}x{{else}}none{{end}}", "none"],
    ["{{range 3}}{{.}}{{end}}", "012"],
    ["{{range $i, $c := .spec.containers}}{{if $i}}{{break}}{{end}}{{.name}}{{end}}", "c"],
    ['{{range .spec.containers}}{{if eq .name "c"}}{{continue}}{{end}}{{.name}}{{end}}', "d"],
    ['{{define "one"}}<{{.}}>{{end}}{{template "one" .kind}}{{template "one"}}', "<Pod><<no value>>"],
    ['{{block "two" .metadata}}{{.name}}{{end}}', "web"],
    ["{{$n := 0}}{{range .spec.containers}}{{$n = .name}}{{end}}{{$n}}", "d"],
  ])("%s", (source, text) => {
    expect(run(source)).toBe(text);
  });
});

describe("functions", () => {
  test.each([
    ["{{len .spec.containers}} {{len .kind}} {{len .metadata.labels}}", "2 3 2"],
    [
      '{{index .spec.containers 1}} {{index .metadata.labels "app"}} {{index .spec.containers 0 "ports" 1}}',
      "map[image:redis:7 name:d] web 443",
    ],
    [
      "{{(index .spec.containers 0).name}} {{slice .kind 1 2}} {{slice .spec.containers 1}}",
      "c o [map[image:redis:7 name:d]]",
    ],
    [
      "{{and .yes .kind}} {{or .missing .kind}} {{not .missing}} {{and .missing (index .missing 1)}}",
      "Pod Pod true <no value>",
    ],
    [
      '{{eq .kind "Pod"}} {{eq .kind "a" "Pod"}} {{ne 1 2}} {{lt 1 2}} {{le 2.5 2.5}} {{gt "b" "a"}} {{ge 1 2}}',
      "true true true true true true false",
    ],
    ['{{eq .missing nil}} {{eq .missing "x"}}', "true false"],
    ['{{print 1 2 "a" "b" 3}}{{println "x" 1}}', "1 2ab3x 1\n"],
    [
      '{{printf "%s|%5s|%-5s|%q|%v|%d|%03d|%x|%t|%.2f|%5.1f|%T|%%" "a" "b" "c" "d\\n" .metadata.labels 7 7 255 true .numbers.half 2.25 .kind}}',
      'a|    b|c    |"d\\n"|map[app:web tier:front]|7|007|ff|true|0.50|  2.2|string|%',
    ],
    [
      '{{printf "%d %s" .numbers.half 4}} {{printf "%s"}} {{printf "a" 1 .kind}}',
      "%!d(float64=0.5) %!s(int=4) %!s(MISSING) a%!(EXTRA int=1, string=Pod)",
    ],
    [
      '{{html .text}} {{.text | js}} {{urlquery "a b&c"}}',
      '&lt;a href=&#34;x&#34;&gt;&amp;&#39; \\u003Ca href\\u003D\\"x\\"\\u003E\\u0026\\\' a+b%26c',
    ],
    ['{{.kind | printf "%s-%s" "x" | len}}', "5"],
  ])("%s", (source, text) => {
    expect(run(source)).toBe(text);
  });

  test("of the caller's are called by name, and their errors are told", () => {
    const functions = {
      upper: { least: 1, most: 1, call: ([text]: readonly unknown[]) => String(text).toUpperCase() },
      fail: {
        least: 0,
        call: () => {
          throw new Error("no");
        },
      },
    };
    expect(compileGoTemplate("{{.kind | upper}}", { name: "t", functions }).execute(data)).toBe("POD");
    expect(() => compileGoTemplate("{{fail}}", { name: "t", functions }).execute(data)).toThrow(
      'template: t:1:2: executing "t" at <fail>: error calling fail: no',
    );
  });
});

describe("an error names its place", () => {
  test.each([
    ["{{.a", "template: output:1: unclosed action"],
    ["{{if .a}}x", "template: output:1: unexpected EOF"],
    ["a\n{{end}}", "template: output:2: unexpected {{end}}"],
    ["{{nope .a}}", 'template: output:1: function "nope" not defined'],
    ["{{$x}}", 'template: output:1: undefined variable "$x"'],
    ["{{}}", "template: output:1: missing value for command"],
    ['{{"abc}}', "template: output:1: unterminated quoted string"],
    ["{{break}}", "template: output:1: {{break}} outside {{range}}"],
    [
      "{{.metadata.note.x}}",
      'template: output:1:11: executing "output" at <.metadata.note.x>: nil pointer evaluating interface {}.x',
    ],
    [
      "{{.kind.deeper}}",
      'template: output:1:7: executing "output" at <.kind.deeper>: can\'t evaluate field deeper in type interface {}',
    ],
    [
      "{{index .spec.containers 5}}",
      'template: output:1:2: executing "output" at <index .spec.containers 5>: error calling index: index out of range: 5',
    ],
    ["{{len 3}}", 'template: output:1:2: executing "output" at <len 3>: error calling len: len of type int'],
    [
      "{{eq .kind 1}}",
      'template: output:1:2: executing "output" at <eq .kind 1>: error calling eq: incompatible types for comparison',
    ],
    ["{{range .kind}}{{end}}", 'template: output:1:8: executing "output" at <.kind>: range can\'t iterate over Pod'],
    [
      '{{template "none"}}',
      'template: output:1:11: executing "output" at <{{template "none"}}>: template "none" not defined',
    ],
    ["{{not}}", 'template: output:1:2: executing "output" at <not>: wrong number of args for not: want 1 got 0'],
  ])("%s", (source, message) => {
    expect(() => run(source)).toThrow(TemplateError);
    expect(() => run(source)).toThrow(message);
  });

  test("a missing key is one when asked for", () => {
    expect(() => run("{{.nothing}}", true)).toThrow(
      'template: output:1:2: executing "output" at <.nothing>: map has no entry for key "nothing"',
    );
  });

  test("a template that calls itself ends", () => {
    expect(() => run('{{define "x"}}{{template "x"}}{{end}}{{template "x"}}')).toThrow(
      /exceeded maximum template depth|call stack/,
    );
  });

  test("names that every object has are no keys", () => {
    expect(run('{{.constructor}} {{index .metadata "toString"}}')).toBe("<no value> <no value>");
  });
});
