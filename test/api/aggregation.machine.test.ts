import { afterAll, beforeAll, expect, test } from "vitest";
import { type Greetings, startGreetings } from "./tools/greetings.ts";
import { type Kubectl, kubectlFor } from "./tools/kubectl-run.ts";
import { type LiveServer, startLiveServer } from "./tools/live-server.ts";

/** The sample under examples/aggregated-api, through an unmodified kubectl. */
let server: LiveServer;
let greetings: Greetings;
let kubectl: Kubectl;

beforeAll(async () => {
  server = await startLiveServer();
  greetings = await startGreetings(server);
  kubectl = kubectlFor(server, "default");
  const applied = await kubectl(["apply", "-f", "-"], greetings.manifest);
  expect(applied.stderr).toBe("");
  const waited = await kubectl([
    "wait",
    "--for=condition=Available",
    "--timeout=60s",
    "apiservice/v1.example.navarch.dev",
  ]);
  expect(waited.code).toBe(0);
}, 120_000);
afterAll(async () => {
  greetings?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

const hello = JSON.stringify({
  apiVersion: "example.navarch.dev/v1",
  kind: "Greeting",
  metadata: { name: "hello" },
  spec: { text: "Good morning" },
});

test("the group is discovered, its objects made, read and deleted, and the server behind knows who asked", async () => {
  expect((await kubectl(["api-resources", "--api-group=example.navarch.dev", "--no-headers"])).stdout).toMatch(
    /^greetings +gr +example\.navarch\.dev\/v1 +true +Greeting/,
  );
  expect(await kubectl(["create", "-f", "-"], hello)).toEqual({
    code: 0,
    stdout: "greeting.example.navarch.dev/hello created\n",
    stderr: "",
  });
  const shown = await kubectl([
    "get",
    "gr",
    "hello",
    "-o",
    "jsonpath={.spec.text} by {.status.greetedBy} {.status.groups}",
  ]);
  expect(shown.stdout).toBe('Good morning by kubernetes-admin ["system:masters","system:authenticated"]');
  expect((await kubectl(["get", "greetings", "--no-headers"])).stdout).toMatch(/^hello +\d+s/);
  expect((await kubectl(["explain", "greetings.spec.text"])).stdout).toContain("What is said.");
  expect((await kubectl(["delete", "greeting", "hello"])).stdout).toContain('"hello" deleted');
  expect((await kubectl(["get", "gr", "hello"])).stderr).toContain('greetings.example.navarch.dev "hello" not found');
}, 60_000);

test("kubectl lists it beside the local ones", async () => {
  const { stdout } = await kubectl(["get", "apiservices", "--no-headers"]);
  expect(stdout).toMatch(/^v1\.apps +Local +True/m);
  expect(stdout).toMatch(/^v1\.example\.navarch\.dev +default\/greetings +True/m);
}, 60_000);
