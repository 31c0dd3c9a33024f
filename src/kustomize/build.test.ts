import { expect, test } from "vitest";
import { buildKustomization, buildText } from "./build.ts";
import type { Files } from "./files.ts";

/** Files that are nowhere but in a test; folders are what lies before a slash. */
function filesOf(texts: Readonly<Record<string, string>>): Files {
  const isFolder = (path: string) => Object.keys(texts).some((name) => name.startsWith(`${path}/`));
  return {
    kind: (path) => (path in texts ? "file" : isFolder(path) ? "folder" : undefined),
    real: (path) => path,
    read: (path) => new TextEncoder().encode(texts[path]),
  };
}

function build(texts: Readonly<Record<string, string>>, more: { readonly unrestricted?: boolean } = {}): string {
  return buildText(buildKustomization("app", { files: filesOf(texts), cwd: "/", ...more }));
}

const pod = (name: string, spec = "") =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\n${spec ? `spec: ${spec}\n` : ""}`;

test("a generated config map's name carries the hash of its content, and so do references to it", () => {
  const text = build({
    "/app/kustomization.yaml": "resources: [pod.yaml]\nnamePrefix: p-\nconfigMapGenerator: [{name: empty}]\n",
    "/app/pod.yaml": pod("web", "{volumes: [{configMap: {name: empty}}]}"),
  });
  expect(text).toBe(`apiVersion: v1
kind: ConfigMap
metadata:
  name: p-empty-6ct58987ht
---
apiVersion: v1
kind: Pod
metadata:
  name: p-web
spec:
  volumes:
  - configMap:
      name: p-empty-6ct58987ht
`);
});

test("two branches over one base keep their references apart", () => {
  const branch = (name: string) => `resources: [../../base]\nnamePrefix: ${name}-\n`;
  const text = build({
    "/app/kustomization.yaml": "resources: [one, two]\n",
    "/app/one/kustomization.yaml": branch("one"),
    "/app/two/kustomization.yaml": branch("two"),
    "/base/kustomization.yaml": "resources: [all.yaml]\n",
    "/base/all.yaml": `${pod("web", "{serviceAccountName: runner}")}---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner}\n`,
  });
  expect([...text.matchAll(/serviceAccountName: (.*)/g)].map(([, name]) => name)).toEqual(["one-runner", "two-runner"]);
});

test.each<{ readonly name: string; readonly texts: Readonly<Record<string, string>>; readonly message: string }>([
  {
    name: "a file outside the kustomization's folder is refused",
    texts: { "/app/kustomization.yaml": "resources: [../other/pod.yaml]\n", "/other/pod.yaml": pod("web") },
    message: "security; file '/other/pod.yaml' is not in or below '/app'",
  },
  {
    name: "kustomizations that name each other in a circle are refused",
    texts: { "/app/kustomization.yaml": "resources: [../b]\n", "/b/kustomization.yaml": "resources: [../app]\n" },
    message: "cycle detected: candidate root '/app' contains visited root '/app'",
  },
  {
    name: "an address is refused without a look at it",
    texts: { "/app/kustomization.yaml": "resources: ['https://example.com/x?ref=main']\n" },
    message: "'https://example.com/x?ref=main' is on another machine",
  },
  {
    name: "what would run other programs is refused by the field's name",
    texts: {
      "/app/kustomization.yaml": "resources: [pod.yaml]\ntransformers: [x.yaml]\n",
      "/app/pod.yaml": pod("web"),
    },
    message: "builds here do not know the field 'transformers' of kustomization.yaml",
  },
  {
    name: "a field that does not exist is refused",
    texts: { "/app/kustomization.yaml": "resource: [pod.yaml]\n" },
    message: 'invalid Kustomization: json: unknown field "resource"',
  },
])("$name", ({ texts, message }) => {
  expect(() => build(texts)).toThrow(message);
});

test("a file outside may be read when the caller says so", () => {
  const texts = { "/app/kustomization.yaml": "resources: [../other/pod.yaml]\n", "/other/pod.yaml": pod("web") };
  expect(build(texts, { unrestricted: true })).toBe("apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n");
});

test("a member called __proto__ is a member like any other", () => {
  const text = build({
    "/app/kustomization.yaml": `resources: [pod.yaml]\npatches: [{patch: '${'{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"__proto__": {"polluted": true}}}'}'}]\n`,
    "/app/pod.yaml": pod("web"),
  });
  expect(text).toContain("__proto__:\n    polluted: true\n");
  expect(({} as { readonly polluted?: boolean }).polluted).toBeUndefined();
});
