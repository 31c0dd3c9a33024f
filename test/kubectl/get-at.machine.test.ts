import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { planCluster } from "../../src/cluster/config.ts";
import { HistoryPaths } from "../../src/cluster/history/history-paths.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { openMemoryStore } from "../../src/store/memory.ts";
import { type LiveServer, startLiveServer } from "../api/tools/live-server.ts";
import { runOurs } from "./tools/programs.ts";

/** `kubectl get --at` against a whole control plane, which dates its revisions. */
const opened = new AsyncDisposableStack();
let server: LiveServer;
let before = "";

const kubectl = (...words: string[]) =>
  runOurs({
    words,
    cwd: server.folder,
    env: { HOME: server.folder, KUBECONFIG: server.kubeconfig, KUBECACHEDIR: server.folder },
  });

beforeAll(async () => {
  const store = opened.use(openMemoryStore({ clock: systemClock }));
  const config = planCluster({ name: "at", dataDir: "/nowhere", runtime: "simulated" }, { NAVARCH_DATA: "/nowhere" });
  const { paths } = opened.use(
    new HistoryPaths({ config, store, clock: systemClock, random: systemRandom, log: silentLog }),
  );
  server = opened.use(await startLiveServer({ store, paths }));
  for (const name of ["a", "b"]) {
    const made = await kubectl(
      "create",
      "cm",
      name,
      "--from-literal=x=1",
      "-o",
      "jsonpath={.metadata.resourceVersion}",
    );
    expect(made.stderr).toBe("");
    before = made.stdout;
  }
  await kubectl("patch", "cm", "a", "-p", '{"data":{"x":"2"}}');
  await kubectl("delete", "cm", "b");
});

afterAll(async () => {
  await opened.disposeAsync();
});

test.each([
  { name: "one object that changed", line: ["cm", "a", "-o", "jsonpath={.data.x}"], stdout: "1" },
  { name: "one object that is gone", line: ["cm/b", "-o", "name"], stdout: "configmap/b\n" },
  { name: "a list, with what is gone", line: ["cm", "-o", "name"], stdout: /configmap\/a\nconfigmap\/b\n/ },
  { name: "a list page by page", line: ["cm", "-o", "name", "--chunk-size=1"], stdout: /configmap\/a\nconfigmap\/b\n/ },
  { name: "a table of one", line: ["cm", "b", "--no-headers"], stdout: /^b +1 +\S+\n$/ },
  { name: "a table", line: ["cm"], stdout: /\nb +1 +/ },
  {
    name: "only what a selector picks",
    line: ["cm", "--field-selector=metadata.name=b", "-o", "custom-columns=N:.metadata.name"],
    stdout: "N\nb\n",
  },
])("get --at shows $name as it was", async ({ line, stdout }) => {
  const ended = await kubectl("get", ...line, "--at", before);
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  if (typeof stdout === "string") expect(ended.stdout).toBe(stdout);
  else expect(ended.stdout).toMatch(stdout);
});

test("get --at takes a time", async () => {
  const time = await vi.waitFor(
    async () => {
      const { stdout } = await kubectl("get", "--raw", "/navarch/moments");
      const { moments } = JSON.parse(stdout) as { readonly moments: readonly { readonly time?: string }[] };
      const last = moments.at(-1)?.time;
      expect(last).toBeDefined();
      return last ?? "";
    },
    { timeout: 30_000 },
  );
  const ended = await kubectl("get", "ns", "default", "-o", "name", "--at", time);
  expect(ended).toEqual({ code: 0, stdout: "namespace/default\n", stderr: "" });
});

test("get --at says what was not there yet, what is forgotten or to come, and what makes no sense", async () => {
  expect(await kubectl("get", "cm", "nope", "--at", before)).toEqual({
    code: 1,
    stdout: "",
    stderr: `Error from server (NotFound): configmaps "nope" not found at revision ${before}\n`,
  });
  expect((await kubectl("get", "cm", "--at", "999999999")).stderr).toContain("Too large resource version: 999999999");
  expect((await kubectl("get", "cm", "--at", "yesterday")).stderr).toContain("yesterday");
  expect((await kubectl("get", "cm", "-w", "--at", before)).stderr).toBe(
    "error: --at shows one moment; it cannot be watched\n",
  );
});
