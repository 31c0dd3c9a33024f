import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubectlPath } from "../e2e/tools/kubectl.ts";

/** A program that is interrupted ends as an unmodified kubectl does, to the shell that started it. */
const folder = mkdtempSync(join(tmpdir(), "navarch-signals-"));
const navarch = join(import.meta.dirname, "../../bin/navarch.js");
const programs = {
  reference: [kubectlPath()],
  ours: [process.execPath, navarch, "kubectl"],
} as const;

const pod = (name: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default", uid: name, resourceVersion: "1" },
  spec: { containers: [{ name: "main", image: "i" }] },
});
const answers: Readonly<Record<string, object>> = {
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/apis": { kind: "APIGroupList", apiVersion: "v1", groups: [] },
  "/api/v1": {
    kind: "APIResourceList",
    groupVersion: "v1",
    resources: [
      { name: "pods", singularName: "pod", namespaced: true, kind: "Pod", verbs: ["get", "list", "watch", "delete"] },
      { name: "pods/log", singularName: "", namespaced: true, kind: "Pod", verbs: ["get"] },
    ],
  },
  "/api/v1/namespaces/default/pods": {
    kind: "PodList",
    apiVersion: "v1",
    metadata: { resourceVersion: "1" },
    items: [],
  },
  "/api/v1/namespaces/default/pods/a": pod("a"),
};

/** Says so on stdout as soon as a watch or a log begins, and then nothing more; /silent never answers. */
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://one");
  if (pathname === "/silent") {
    for (const heard of silent.splice(0)) heard();
    return;
  }
  const follows = searchParams.get("watch") ?? searchParams.get("follow");
  if (follows === "true" || follows === "1") return begin(response, pathname.endsWith("/log"));
  const answer = answers[pathname];
  response.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify(answer ?? { kind: "Status", apiVersion: "v1", status: "Failure", code: 404 }));
});
const silent: (() => void)[] = [];

function begin(response: ServerResponse, log: boolean): void {
  response.writeHead(200, { "content-type": log ? "text/plain" : "application/json" });
  response.write(log ? "begun\n" : `${JSON.stringify({ type: "ADDED", object: pod("begun") })}\n`);
}

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  writeFileSync(
    join(folder, "config"),
    JSON.stringify({
      clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}` } }],
      contexts: [{ name: "k", context: { cluster: "c" } }],
      "current-context": "k",
    }),
  );
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function interrupted(program: keyof typeof programs, words: readonly string[], signal: NodeJS.Signals) {
  const [file = "", ...before] = programs[program];
  const child: ChildProcess = spawn(file, [...before, ...words], {
    env: { HOME: join(folder, program), PATH: process.env.PATH, KUBECONFIG: join(folder, "config") },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  const ready = words.includes("/silent")
    ? new Promise<void>((resolve) => void silent.push(resolve))
    : new Promise<void>((resolve) => child.stdout!.on("data", () => said.stdout.includes("begun") && resolve()));
  for (const name of ["stdout", "stderr"] as const) {
    child[name]!.setEncoding("utf8").prependListener("data", (text: string) => {
      said[name] += text;
    });
  }
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  await Promise.race([ready, ended]);
  child.kill(signal);
  const [code, by] = await ended;
  return { code, by, ...said };
}

const asked = ["get", "--raw", "/silent"];
const watched = ["get", "pods", "-w", "-o", "name"];
const followed = ["logs", "-f", "a"];

test.each([
  { words: asked, signal: "SIGINT", ends: { code: null, by: "SIGINT" } },
  { words: asked, signal: "SIGTERM", ends: { code: null, by: "SIGTERM" } },
  { words: asked, signal: "SIGHUP", ends: { code: null, by: "SIGHUP" } },
  { words: watched, signal: "SIGINT", ends: { code: 1, by: null } },
  { words: watched, signal: "SIGTERM", ends: { code: 1, by: null } },
  { words: followed, signal: "SIGINT", ends: { code: 1, by: null } },
  { words: followed, signal: "SIGTERM", ends: { code: 1, by: null } },
] as const)("$signal ends $words as it ends kubectl", async ({ words, signal, ends }) => {
  // One after the other, because both tell the same server that they are there.
  const reference = await interrupted("reference", words, signal);
  const ours = await interrupted("ours", words, signal);
  expect(reference).toMatchObject(ends);
  expect(ours).toEqual(reference);
});
