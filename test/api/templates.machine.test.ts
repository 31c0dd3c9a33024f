import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileGoTemplate } from "../../src/expr/go-template/go-template.ts";
import { compileJsonPath } from "../../src/expr/jsonpath/jsonpath.ts";
import { type Kubectl, kubectlFor } from "./tools/kubectl-run.ts";
import { type LiveServer, startLiveServer } from "./tools/live-server.ts";

/** Our JSONPath and Go templates print what an unmodified kubectl prints of the same objects. */
let server: LiveServer;
let kubectl: Kubectl;
let list: unknown;

const pod = (name: string, replicas: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app: name, "example.com/part": replicas }, annotations: { size: replicas } },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1_234_567,
    containers: [
      { name: "c", image: "nginx:1", ports: [{ containerPort: 80 }, { containerPort: 443, name: "tls" }] },
      { name: "d", image: "redis:7", command: ["a b", 'q"'], resources: { limits: { cpu: "500m" } } },
    ],
  },
});

beforeAll(async () => {
  server = await startLiveServer();
  kubectl = kubectlFor(server, "default");
  const items = [pod("one", "1"), pod("two", "2")];
  const made = await kubectl(["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  expect(made.stderr).toBe("");
  list = JSON.parse((await kubectl(["get", "pods", "-o", "json", "--show-managed-fields"])).stdout);
});
afterAll(() => server?.[Symbol.asyncDispose]());

describe("go-template", () => {
  test.each([
    "{{.kind}} {{len .items}} {{.missing}}",
    "{{range .items}}{{.metadata.name}}\t{{.metadata.labels}}\n{{end}}",
    "{{range $i, $p := .items}}{{$i}}:{{range $p.spec.containers}}{{.name}}={{.image}} {{end}}{{end}}",
    '{{range .items}}{{if eq .metadata.name "one"}}{{.metadata.labels.app}}{{else}}-{{end}}{{end}}',
    "{{(index .items 0).spec.terminationGracePeriodSeconds}} {{index .items 0 `spec` `containers` 0 `ports`}}",
    '{{index (index .items 1).metadata.labels "example.com/part"}}',
    '{{with (index .items 0).spec}}{{range .containers}}{{range .ports}}{{printf "%s %v %6.2f|" .name .containerPort .containerPort}}{{end}}{{end}}{{end}}',
    '{{range .items}}{{.metadata.name | printf "%-6s|%6s|%q" "x" "y"}}{{end}}',
    "{{- range .items -}} {{ .metadata.name }} {{- end -}}",
    '{{define "p"}}<{{.metadata.name}}>{{end}}{{range .items}}{{template "p" .}}{{end}}',
    "{{range .items}}{{range .spec.containers}}{{.command}} {{.resources}} {{end}}{{end}}",
    '{{and 1 "" .kind}}|{{or 0 .kind}}|{{not .kind}}|{{html "<a>"}}|{{js "it\'s"}}|{{urlquery "a b"}}',
    '{{print 1 2 "a" 3 4.5}} {{println .kind 1}}{{len "größe"}} {{slice "abcdef" 1 3}} {{printf "%05d %x %T %v" 42 255 .items nil}}',
    "{{range .items}}{{.metadata.name}}{{break}}{{end}} {{lt 1 2}} {{ge 1.5 2.5}} {{0x10}} {{'a'}}",
    '{{printf "%d" .kind}} {{printf "%s %s" "a"}} {{printf "%s" "a" "b"}} {{printf "%5.1f|%g|%e|%t|%U" 2.25 1e9 12345.678 true 64}}',
    "{{range .items}}{{base64decode .metadata.annotations.size | printf `%q`}}{{end}}",
  ])("%s", async (template) => {
    const theirs = await kubectl(["get", "pods", "-o", `go-template=${template}`]);
    const functions = {
      base64decode: {
        least: 1,
        most: 1,
        call: ([text]: readonly unknown[]) => {
          if (String(text).length % 4 !== 0)
            throw new Error("base64 decode failed: illegal base64 data at input byte 0");
          return Buffer.from(String(text), "base64").toString();
        },
      },
    };
    let ours: string;
    try {
      ours = compileGoTemplate(template, { name: "output", functions }).execute(list);
    } catch (error) {
      expect(theirs.code).not.toBe(0);
      expect(theirs.stderr + theirs.stdout).toContain((error as Error).message);
      return;
    }
    expect(ours).toBe(theirs.stdout);
  });

  test.each([
    "{{.a",
    "{{range .items}}",
    "{{end}}",
    "{{nope}}",
    "{{$x}}",
    "{{}}",
    '{{"abc}}',
    "{{if .a}}{{else}}{{else}}{{end}}",
    "{{break}}",
    "{{.kind.deeper}}",
    "{{(index (index .items 0).status.conditions 0).lastProbeTime.x}}",
    "{{index .items 7}}",
    "{{index .items `x`}}",
    "{{len 3}}",
    "{{eq .kind 1}}",
    "{{eq 1}}",
    "{{range .kind}}{{end}}",
    '{{template "none"}}',
    "{{not}}",
    "{{.kind 1}}",
    "{{1 | 2}}",
    "{{.kind | .apiVersion}}",
    "{{nil}}",
    "{{(.kind).x}}",
    "{{lt .kind 2}}",
    "{{slice .items 2 1}}",
    "{{/* open }}",
    "{{(1}}",
    "{{1)}}",
    "{{$a, $b := .items}}",
    "{{range $a, $b, $c := .items}}{{end}}",
    "{{3x}}",
    "{{.a%}}",
    "{{define}}{{end}}",
  ])("an error: %s", async (template) => {
    const theirs = await kubectl(["get", "pods", "-o", `go-template=${template}`]);
    expect(() => compileGoTemplate(template, { name: "output" }).execute(list)).toThrow();
    try {
      compileGoTemplate(template, { name: "output" }).execute(list);
    } catch (error) {
      expect(theirs.stderr + theirs.stdout).toContain((error as Error).message);
    }
  });
});

describe("jsonpath", () => {
  test.each([
    "{.kind} {.items[*].metadata.name}",
    "{.items[0].metadata.labels}",
    '{range .items[*]}{.metadata.name}{"\\t"}{.spec.containers[*].image}{"\\n"}{end}',
    '{.items[?(@.metadata.name=="two")].metadata.labels.app}',
    "{.items[-1].metadata.name} {.items[0:1].metadata.name} {.items[::2].metadata.name}",
    "{..containerPort}",
    "{.items[0]['metadata','kind']}",
    '{.items[0].metadata.labels.example\\.com/part} {.items[0].metadata.labels["example.com/part"]}',
    "{.items[0].spec.containers[?(@.ports)].name}",
    '{.items[*].spec.containers[?(@.image!="nginx:1")].command}',
    "{.items[0].spec.terminationGracePeriodSeconds} {.items[0].spec.containers[0].ports}",
    "{.missing} {.items[0].nothing.deeper}",
    "{$.kind} {@.kind} {'text'} {\"more\\n\"}",
    "{.items[0].spec.containers[0].ports[?(@.containerPort>80)].name}",
    "{.items[5]}",
    "{.items[0}",
    "{.items[?(@.a]}",
  ])("%s", async (template) => {
    const theirs = await kubectl(["get", "pods", "-o", `jsonpath=${template}`]);
    let ours: string;
    try {
      ours = compileJsonPath(template).print(list, { allowMissingKeys: true });
    } catch (error) {
      expect(theirs.stderr + theirs.stdout).toContain((error as Error).message);
      return;
    }
    expect(ours).toBe(theirs.stdout);
  });
});
