import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { rotateLogs } from "./rotate-logs.ts";
import { containerLabels } from "./runtime/labels.ts";
import type { ContainerRuntime } from "./runtime/runtime.ts";
import { dawn } from "./testing/samples.ts";

test("large logs of running containers are rotated, and one that cannot be does not hold up the others", async () => {
  const logRoot = mkdtempSync(join(tmpdir(), "nvagt-logs-"));
  const names = ["broken", "large", "small"];
  const reopened: string[] = [];
  const runtime = {
    listContainers: async () =>
      names.map((name) => ({
        id: name,
        labels: containerLabels({ podName: "web", podNamespace: "default", podUid: "u", containerName: name }),
        annotations: { "io.kubernetes.container.restartCount": "2" },
      })),
    reopenContainerLog: async (id: string) => {
      if (id === "broken") throw new Error("no");
      reopened.push(id);
    },
  } as unknown as ContainerRuntime;
  const folder = (name: string) => join(logRoot, "default_web_u", name);
  for (const name of names) {
    mkdirSync(folder(name), { recursive: true });
    writeFileSync(join(folder(name), "2.log"), "x".repeat(name === "small" ? 10 : 100));
  }
  const policy = { maxBytes: 50, maxFiles: 3 };
  await rotateLogs({ runtime, clock: new VirtualClock(dawn), log: silentLog, logRoot, policy });
  expect(reopened).toEqual(["large"]);
  expect(readdirSync(folder("large"))).toEqual(["2.log.20260101-000000"]);
  expect(readdirSync(folder("broken"))).toEqual(["2.log"]);
  expect(readdirSync(folder("small"))).toEqual(["2.log"]);
  rmSync(logRoot, { recursive: true });
});
