import { describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { seededRandom, systemRandom } from "../../lib/random.ts";
import type { ContainerConfig } from "./container.ts";
import { type ContractRole, type RuntimeUnderTest, runtimeContract } from "./contract.ts";
import type { SandboxConfig } from "./sandbox.ts";
import { SimulatedRuntime } from "./simulated.ts";
import { behaviourByAnnotations, type SimulatedBehaviour } from "./simulated-behaviour.ts";
import { MemoryLogs } from "./simulated-logs.ts";

const commands: SimulatedBehaviour["exec"] = ([program]) => ({
  exitCode: program === "false" ? 1 : 0,
  takesMs: program === "sleep" ? 60_000 : 0,
});
const roles: Readonly<Record<ContractRole, SimulatedBehaviour>> = {
  waits: { exec: commands },
  stubborn: { stopDelayMs: Number.POSITIVE_INFINITY },
  prints: {
    output: [
      { afterMs: 0, line: "out" },
      { afterMs: 1, stream: "stderr", line: "err" },
    ],
    runForMs: 5,
  },
  fails: { runForMs: 5, exitCode: 3 },
  cannotStart: { startError: "no such program" },
};

async function open(): Promise<RuntimeUnderTest> {
  const logs = new MemoryLogs();
  const runtime = new SimulatedRuntime({
    clock: systemClock,
    random: systemRandom,
    behaviour: (container) => roles[container.args?.[0] as ContractRole],
    images: ["example.com/shell:1"],
    pull: async (image) => ({ ok: false, reason: "ErrImagePull", message: `${image}: not found` }),
    logs,
  });
  return {
    runtime,
    image: "example.com/shell:1",
    absentImage: "example.com/absent:1",
    logDirectory: "/logs",
    as: (role) => ({ args: [role] }),
    log: async (path) => logs.text(path),
    streams: false,
    [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose](),
  };
}

runtimeContract("simulated", open);

const sandbox: SandboxConfig = {
  metadata: { name: "web", uid: "u1", namespace: "default", attempt: 0 },
  labels: {},
  annotations: {},
};
const container: ContainerConfig = {
  metadata: { name: "main", attempt: 0 },
  image: "example.com/shell:1",
  labels: {},
  annotations: {},
};

describe("a simulated container's behaviour", () => {
  test("is read from its pod's annotations, the container's own ones first", () => {
    const annotations = {
      "simulated.navarch/run-for-ms": "1000",
      "simulated.navarch/exit-code": "1",
      "simulated.navarch/exit-code.main": "2",
      "simulated.navarch/stop-delay-ms": "never",
    };
    expect(behaviourByAnnotations(container, { ...sandbox, annotations })).toMatchObject({
      runForMs: 1_000,
      exitCode: 2,
      stopDelayMs: Number.POSITIVE_INFINITY,
    });
  });

  test("is refused when a number is none", () => {
    const annotations = { "simulated.navarch/exit-code": "two" };
    expect(() => behaviourByAnnotations(container, { ...sandbox, annotations })).toThrow(/exit-code/);
  });

  test("that says nothing leaves an empty log, not none", async () => {
    const logs = new MemoryLogs();
    const images = [container.image];
    await using runtime = new SimulatedRuntime({ clock: systemClock, random: systemRandom, images, logs });
    const place = { ...sandbox, logDirectory: "/logs" };
    const sandboxId = await runtime.runSandbox(place);
    const id = await runtime.createContainer(sandboxId, { ...container, logPath: "main/0.log" }, place);
    expect(await logs.open("/logs/main/0.log")).toBeUndefined();
    await runtime.startContainer(id);
    expect(await logs.open("/logs/main/0.log")).toBeDefined();
  });

  test("gives equal ids for equal seeds", async () => {
    const ids = await Promise.all(
      [1, 1, 2].map((seed) =>
        new SimulatedRuntime({ clock: systemClock, random: seededRandom(seed) }).runSandbox(sandbox),
      ),
    );
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).not.toBe(ids[2]);
  });
});
