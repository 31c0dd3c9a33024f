import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Pod } from "../../api/core/pod.ts";
import { Fault } from "../../lib/fault.ts";
import { sampleContainer } from "../testing/samples.ts";
import { openNode } from "../testing/worker-node.ts";

describe("a deleted pod", () => {
  const remove = async (node: ReturnType<typeof openNode>, gracePeriodSeconds: number) => {
    await node.api.client.delete(Pod, { namespace: "default", name: "web" }, { gracePeriodSeconds });
    await node.pass(0.1);
  };

  test("ends its containers, gives everything back and goes", async () => {
    const node = openNode({ behaviour: { main: { stopDelayMs: 2000 } } });
    await node.create();
    await remove(node, 30);
    expect(node.events).toContain("Normal Killing Stopping container main");
    expect((await node.live()).state).toBe("running");
    await node.pass(3);
    expect(node.pod()).toBeUndefined();
    expect(await node.runtime.listSandboxes()).toEqual([]);
    expect(node.unmounted).toEqual(["uid-web"]);
    expect(existsSync(join(node.podsFolder, "uid-web"))).toBe(false);
    expect(node.gone).toEqual(["web"]);
  });

  test("kills what does not end within the grace", async () => {
    const node = openNode({ behaviour: { main: { stopDelayMs: Number.POSITIVE_INFINITY } } });
    await node.create();
    await remove(node, 10);
    await node.pass(9);
    expect(node.pod()).toBeDefined();
    await node.pass(2);
    expect(node.pod()).toBeUndefined();
  });

  test("ends sooner when a later request has less patience", async () => {
    const node = openNode({ behaviour: { main: { stopDelayMs: Number.POSITIVE_INFINITY } } });
    await node.create();
    await remove(node, 300);
    await node.pass(5);
    await remove(node, 5);
    await node.pass(6);
    expect(node.pod()).toBeUndefined();
  });

  test("is ended at once when it was removed by force", async () => {
    const node = openNode({ behaviour: { main: { stopDelayMs: Number.POSITIVE_INFINITY } } });
    await node.create();
    await remove(node, 0);
    expect(node.pod()).toBeUndefined();
    await node.pass(3);
    expect(await node.runtime.listSandboxes()).toEqual([]);
    expect(node.gone).toEqual(["web"]);
  });

  test("leaves its room to others as soon as the API has forgotten it, though it has not ended yet", async () => {
    const node = openNode({ behaviour: { main: { stopDelayMs: Number.POSITIVE_INFINITY } } });
    const containers = [sampleContainer({ resources: { requests: { cpu: "2" } } })];
    await node.create({ containers });
    const { metadata, ...rest } = node.pod()!;
    const next = { ...rest, metadata: { ...metadata, name: "next", uid: "uid-next" } };
    expect(node.services.room.shortages(next)).toMatchObject([{ resource: "cpu" }]);
    await remove(node, 0);
    expect((await node.live()).state).toBe("running");
    expect(node.services.room.shortages(next)).toEqual([]);
  });

  test("tells how its containers ended before it goes", async () => {
    const node = openNode({ behaviour: { main: { stopExitCode: 7 } } });
    await node.create();
    const told: unknown[] = [];
    node.api.before = (call) => {
      if (call === "delete Pod web") told.push(node.status());
    };
    await remove(node, 30);
    await node.pass(1);
    expect(told.at(-1)).toMatchObject({
      phase: "Failed",
      containerStatuses: [{ ready: false, state: { terminated: { exitCode: 7 } } }],
    });
  });

  test("runs preStop hooks first, within the grace, and sidecars end last", async () => {
    const story: string[] = [];
    const node = openNode({
      hooks: {
        run: async (_pod, { name }, _hook, _ip, signal) => {
          story.push(`hook ${name}`);
          await node.clock.sleep(60_000, signal).catch(() => story.push(`hook ${name} cut off`));
        },
      },
    });
    const preStop = { sleep: { seconds: 60 } };
    await node.create({
      containers: [sampleContainer({ lifecycle: { preStop } })],
      initContainers: [sampleContainer({ name: "proxy", restartPolicy: "Always" })],
    });
    await remove(node, 10);
    await node.pass(9);
    expect(story).toEqual(["hook main"]);
    expect((await node.live("proxy")).state).toBe("running");
    await node.pass(5);
    expect(story).toEqual(["hook main", "hook main cut off"]);
    expect(node.pod()).toBeUndefined();
  });

  test("runs the hooks of sidecars with those of the others, and asks a sidecar to end when those after it have", async () => {
    const story: string[] = [];
    const behaviour = { main: { stopDelayMs: 4000 }, late: { stopDelayMs: 1000 }, early: { stopDelayMs: 1000 } };
    const node = openNode({ behaviour, hooks: { run: async (_pod, { name }) => void story.push(name) } });
    const preStop = { exec: { command: ["x"] } };
    const sidecar = { restartPolicy: "Always", lifecycle: { preStop } } as const;
    await node.create({
      containers: [sampleContainer({ lifecycle: { preStop } })],
      initContainers: ["early", "late"].map((name) => sampleContainer({ name, ...sidecar })),
    });
    const running = async () => {
      const all = await Promise.all(["main", "late", "early"].map((name) => node.live(name)));
      return all.filter(({ state }) => state === "running").map(({ config }) => config.metadata.name);
    };
    await remove(node, 30);
    expect(story.toSorted()).toEqual(["early", "late", "main"]);
    await node.pass(3);
    expect(await running()).toEqual(["main", "late", "early"]);
    await node.pass(1.5);
    expect(await running()).toEqual(["late", "early"]);
    await node.pass(1);
    expect(await running()).toEqual(["early"]);
    await node.pass(1);
    expect(node.pod()).toBeUndefined();
  });

  test("lets no sidecar wait for its turn when the grace is over", async () => {
    const stuck = { stopDelayMs: Number.POSITIVE_INFINITY };
    const node = openNode({ behaviour: { main: stuck, early: stuck, late: stuck } });
    const initContainers = ["early", "late"].map((name) => sampleContainer({ name, restartPolicy: "Always" }));
    await node.create({ initContainers });
    await remove(node, 5);
    await node.pass(6);
    expect(node.pod()).toBeDefined();
    await node.pass(1.5);
    expect(node.pod()).toBeUndefined();
  });

  test("that never started goes too", async () => {
    const mount = async () => {
      throw new Fault("missing", "no volume");
    };
    const node = openNode({ mount });
    await node.create();
    await remove(node, 30);
    await node.pass(1);
    expect(node.pod()).toBeUndefined();
  });

  test("with a hanging postStart hook goes too", async () => {
    const hang = (signal: AbortSignal) =>
      new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const node = openNode({ hooks: { run: (_pod, _container, _hook, _ip, signal) => hang(signal) } });
    await node.create({ containers: [sampleContainer({ lifecycle: { postStart: { exec: { command: ["x"] } } } })] });
    await remove(node, 5);
    await node.pass(3);
    expect(node.pod()).toBeUndefined();
  });
});

describe("after the agent was away", () => {
  test("running containers are taken over as they are", async () => {
    const node = openNode();
    await node.create();
    const before = await node.live();
    node.calls.length = 0;
    await node.restartAgent();
    await node.pass(120);
    expect((await node.live()).id).toBe(before.id);
    expect(node.calls.filter((call) => /^(run|create|start|stop|remove)/.test(call))).toEqual([]);
    expect(node.container()).toMatchObject({ restartCount: 0, ready: true });
  });

  test("a container that ended meanwhile is restarted", async () => {
    const node = openNode();
    await node.create();
    const worker = node.workers.get("uid-web")!;
    await worker[Symbol.asyncDispose]();
    (await node.live()).exit(4);
    await node.restartAgent();
    await node.pass(1);
    expect(node.container()).toMatchObject({ restartCount: 1, ready: true });
    expect(node.container()?.lastState?.terminated?.exitCode).toBe(4);
  });

  test("a pod deleted meanwhile is ended", async () => {
    const node = openNode();
    await node.create();
    await node.workers.get("uid-web")![Symbol.asyncDispose]();
    await node.api.client.delete(Pod, { namespace: "default", name: "web" }, { gracePeriodSeconds: 5 });
    await node.restartAgent();
    await node.pass(1);
    expect(node.pod()).toBeUndefined();
    expect(await node.runtime.listSandboxes()).toEqual([]);
  });
});

describe("after an orderly shutdown", () => {
  test("pods go on with the next start, and count on", async () => {
    const node = openNode({ behaviour: { main: { stopExitCode: 0 } } });
    await node.create();
    await node.workers.get("uid-web")!.shutDown();
    await node.pass(0);
    expect(await node.runtime.listSandboxes()).toEqual([]);
    expect(node.unmounted).toEqual([]);
    expect(node.container()).toMatchObject({ ready: false, state: { terminated: { exitCode: 0 } } });
    await node.restartAgent();
    await node.pass(1);
    expect(node.container()).toMatchObject({ restartCount: 1, ready: true });
    expect(node.container()?.lastState?.terminated).toMatchObject({ exitCode: 0, reason: "Completed" });
  });

  test("pods with one life have had it", async () => {
    const node = openNode();
    await node.create({ restartPolicy: "Never" });
    await node.workers.get("uid-web")!.shutDown();
    await node.restartAgent();
    await node.pass(1);
    expect(node.status()).toMatchObject({
      phase: "Failed",
      reason: "Terminated",
      message: "Pod was terminated in response to imminent node shutdown.",
    });
    expect(await node.runtime.listSandboxes()).toEqual([]);
  });

  test("what was lost without a word counts as a life", async () => {
    const node = openNode();
    await node.create();
    await node.workers.get("uid-web")![Symbol.asyncDispose]();
    for (const { id } of await node.runtime.listSandboxes()) await node.runtime.removeSandbox(id);
    await node.restartAgent();
    await node.pass(1);
    expect(node.container()).toMatchObject({ restartCount: 1, ready: true });
    expect(node.container()?.lastState?.terminated).toMatchObject({
      exitCode: 137,
      reason: "ContainerStatusUnknown",
    });
  });
});

describe("a pod that the node ends", () => {
  const condition = { type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet" } as const;
  const sentence = { phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory. " } as const;

  test("gets the grace that the node can spare, and stays in the API as failed", async () => {
    const node = openNode({ behaviour: { main: { stopDelayMs: Number.POSITIVE_INFINITY } } });
    await node.create();
    let over = false;
    void node.workers
      .get("uid-web")
      ?.end({ ...sentence, graceSeconds: 3, condition }, 60_000)
      .then(() => {
        over = true;
      });
    await node.pass(2.9);
    expect([over, (await node.live()).state]).toEqual([false, "running"]);
    await node.pass(0.2);
    expect([over, (await node.live()).state]).toEqual([true, "exited"]);
    expect(node.status()).toMatchObject({ ...sentence, containerStatuses: [{ ready: false }] });
    expect(node.status()?.conditions).toContainEqual(expect.objectContaining(condition));
    expect(node.unmounted).toEqual(["uid-web"]);
  });

  test("does not wait for an image that does not come", async () => {
    const node = openNode({ pull: () => new Promise(() => {}) });
    await node.create({ containers: [sampleContainer({ image: "registry.test/slow:1" })] });
    void node.workers.get("uid-web")?.end(sentence, 60_000);
    await node.pass(1);
    expect(node.status()).toMatchObject(sentence);
  });
});
