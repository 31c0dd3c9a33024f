import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Pod } from "../../api/core/pod.ts";
import type { PodCondition } from "../../api/generated/core-v1.ts";
import { Fault } from "../../lib/fault.ts";
import { sampleContainer } from "../testing/samples.ts";
import { openNode } from "../testing/worker-node.ts";

describe("a pod", () => {
  test("runs and is ready, with the story in its events", async () => {
    const node = openNode();
    await node.create();
    expect(node.status()).toMatchObject({ phase: "Running", podIP: "10.88.0.2", hostIP: "192.0.2.1" });
    expect(node.ready()).toBe("True");
    expect(node.container()).toMatchObject({ ready: true, started: true, restartCount: 0 });
    expect(node.events).toEqual([
      'Normal Pulled Container image "registry.test/app:1" already present on machine and can be accessed by the pod',
      "Normal Created Container created",
      "Normal Started Container started",
    ]);
    expect(readFileSync(join(node.podsFolder, "uid-web", "etc-hosts"), "utf8")).toContain("10.88.0.2\tweb\n");
  });

  test("has the files of an image as a volume, which is fetched as those of containers are", async () => {
    const reference = "registry.test/data:1";
    const volumes = [{ name: "data", image: { reference, pullPolicy: "IfNotPresent" as const } }];
    const volumeMounts = [{ name: "data", mountPath: "/data", subPath: "dir" }];
    let there = false;
    const node = openNode({
      mount: async () => new Map([["data", { path: "", readonly: true, image: reference }]]),
      pull: async () =>
        there ? { ok: true, imageRef: reference } : { ok: false, reason: "ErrImagePull", message: "no such host" },
    });
    await node.create({ volumes, containers: [sampleContainer({ volumeMounts })] });
    expect(node.container()?.state?.waiting).toMatchObject({ reason: "ErrImagePull" });
    there = true;
    await node.pass(15);
    const { id } = (await node.runtime.imageStatus(reference))!;
    const { id: container } = (await node.runtime.listContainers())[0]!;
    expect((await node.runtime.containerStatus(container))?.mounts).toContainEqual({
      ...{ containerPath: "/data", hostPath: "", readonly: true, image: { ref: id, subPath: "dir" } },
    });
  });

  test("is not written again when nothing has changed", async () => {
    const node = openNode();
    await node.create();
    const before = node.api.writes.length;
    node.workers.get("uid-web")?.wake();
    await node.pass(1);
    expect(node.api.writes.length).toBe(before);
  });

  test("survives conflicts, and keeps the conditions of others", async () => {
    const node = openNode();
    await node.create();
    const gate: PodCondition = { type: "DisruptionTarget", status: "True" };
    node.api.before = (call) => {
      if (!call.startsWith("updateStatus")) return;
      node.api.before = undefined;
      node.api.change(Pod, "web", (pod) => ({
        ...pod,
        status: { ...pod.status, conditions: [...(pod.status?.conditions ?? []), gate] },
      }));
    };
    (await node.live()).exit(0);
    await node.pass(1);
    expect(node.container()?.restartCount).toBe(1);
    expect(node.status()?.conditions).toContainEqual(gate);
  });

  test("starts its containers though the API cannot be told, and tells it later", async () => {
    const node = openNode();
    let down = true;
    node.api.before = (call) => {
      if (down && call.startsWith("updateStatus")) throw new Fault("unavailable", "no route");
    };
    await node.create();
    expect((await node.live()).state).toBe("running");
    down = false;
    await node.pass(20);
    expect(node.ready()).toBe("True");
  });

  test("waits for volumes that are not there yet", async () => {
    let there = false;
    const mount = async () => {
      if (!there) throw new Fault("missing", 'MountVolume.SetUp failed for volume "v" : configmap "c" not found');
      return new Map();
    };
    const node = openNode({ mount });
    await node.create();
    expect(node.container()?.state).toEqual({ waiting: { reason: "ContainerCreating" } });
    expect(node.events).toContain(
      'Warning FailedMount MountVolume.SetUp failed for volume "v" : configmap "c" not found',
    );
    there = true;
    await node.pass(5);
    expect(node.ready()).toBe("True");
  });

  test("succeeds when its containers did, and gives its part of the node back", async () => {
    const node = openNode({ behaviour: { main: { runForMs: 5000 } } });
    await node.create({ restartPolicy: "Never" });
    await node.pass(6);
    expect(node.status()?.phase).toBe("Succeeded");
    expect(node.container()?.state?.terminated).toMatchObject({ exitCode: 0, reason: "Completed" });
    expect(await node.runtime.listSandboxes({ state: "ready" })).toEqual([]);
    expect(node.unmounted).toEqual(["uid-web"]);
  });

  test("fails at its deadline", async () => {
    const node = openNode();
    await node.create({ activeDeadlineSeconds: 30 });
    await node.pass(29);
    expect(node.status()?.phase).toBe("Running");
    await node.pass(3);
    expect(node.status()).toMatchObject({
      phase: "Failed",
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    });
  });

  test("has its deadline counted from its beginning on the node, and again when it is changed", async () => {
    const node = openNode();
    await node.create({ activeDeadlineSeconds: 30 }, undefined, { creationTimestamp: "2025-12-31T23:59:00Z" });
    await node.pass(29);
    expect(node.status()?.phase).toBe("Running");
    node.api.change(Pod, "web", (pod) => ({ ...pod, spec: { ...pod.spec, activeDeadlineSeconds: 60 } }));
    await node.pass(29);
    expect(node.status()?.phase).toBe("Running");
    await node.pass(5);
    expect(node.status()?.reason).toBe("DeadlineExceeded");
  });

  test("gets a new sandbox when its own is lost", async () => {
    const node = openNode();
    await node.create();
    const [sandbox] = await node.runtime.listSandboxes();
    node.runtime.failSandbox(sandbox!.id);
    await node.pass(1);
    expect(node.container()).toMatchObject({ restartCount: 1, ready: true });
    expect(node.container()?.lastState?.terminated?.exitCode).toBe(137);
    expect(node.events).toContain("Normal SandboxChanged Pod sandbox changed, it will be killed and re-created.");
  });

  test("has a container made anew when its image is changed", async () => {
    const node = openNode();
    await node.create();
    node.api.change(Pod, "web", (pod) => ({
      ...pod,
      spec: { ...pod.spec, containers: [sampleContainer({ image: "registry.test/app:2" })] },
    }));
    await node.pass(1);
    expect(node.events).toContain("Normal Killing Container main definition changed, will be restarted");
    expect(node.container()).toMatchObject({ image: "registry.test/app:2", restartCount: 1, ready: true });
  });

  test("starts ephemeral containers that are added", async () => {
    const node = openNode();
    await node.create();
    const ephemeralContainers = [{ name: "debug", image: "registry.test/app:1" }];
    node.api.change(Pod, "web", (pod) => ({ ...pod, spec: { ...pod.spec, ephemeralContainers } }));
    await node.pass(1);
    expect(node.container("debug")?.state?.running).toBeDefined();
    (await node.live("debug")).exit(1);
    await node.pass(60);
    expect(node.container("debug")).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 1 } } });
    expect(node.status()?.phase).toBe("Running");
  });
});

describe("init containers", () => {
  test("run one after the other before the others", async () => {
    const behaviour = { one: { runForMs: 1000 }, two: { runForMs: 1000 } };
    const node = openNode({ behaviour });
    await node.create({ initContainers: ["one", "two"].map((name) => sampleContainer({ name })) });
    expect(node.container("one")?.state?.running).toBeDefined();
    expect(node.container("two")?.state).toEqual({ waiting: { reason: "PodInitializing" } });
    expect(node.status()?.phase).toBe("Pending");
    await node.pass(1.5);
    expect(node.container("two")?.state?.running).toBeDefined();
    await node.pass(1);
    expect(node.ready()).toBe("True");
    expect(node.container("one")).toMatchObject({ ready: true, state: { terminated: { exitCode: 0 } } });
  });

  test("fail a pod that has only one life", async () => {
    const node = openNode({ behaviour: { one: { runForMs: 1000, exitCode: 2 } } });
    await node.create({ restartPolicy: "Never", initContainers: [sampleContainer({ name: "one" })] });
    await node.pass(2);
    expect(node.status()?.phase).toBe("Failed");
    expect(node.container()?.state?.waiting?.reason).toBe("PodInitializing");
  });
});

test("a failing postStart hook ends its container, which is restarted", async () => {
  let failures = 1;
  const run = async () => {
    failures -= 1;
    if (failures >= 0) throw new Fault("internal", "the hook said no");
  };
  const node = openNode({ hooks: { run } });
  await node.create({ containers: [sampleContainer({ lifecycle: { postStart: { exec: { command: ["x"] } } } })] });
  await node.pass(2);
  expect(node.events).toContain("Warning FailedPostStartHook PostStartHook failed");
  expect(node.container()).toMatchObject({ restartCount: 1, ready: true });
});

test("a postStart hook holds up the containers that follow", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const node = openNode({ hooks: { run: () => promise } });
  const first = sampleContainer({ name: "first", lifecycle: { postStart: { exec: { command: ["x"] } } } });
  await node.create({ containers: [first, sampleContainer({ name: "second" })] });
  expect((await node.runtime.listContainers()).map(({ metadata }) => metadata.name)).toEqual(["first"]);
  resolve();
  await node.pass(1);
  expect(node.ready()).toBe("True");
});
