import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Pod } from "../../api/core/pod.ts";
import type { ContainerStatus, PodCondition, PodSpec, PodStatus } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import { Fault } from "../../lib/fault.ts";
import { silentLog } from "../../lib/log.ts";
import { seededRandom } from "../../lib/random.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { SimulatedRuntime, type SimulatedRuntimeOptions } from "../runtime/simulated.ts";
import type { SimulatedBehaviour } from "../runtime/simulated-behaviour.ts";
import { MemoryLogs } from "../runtime/simulated-logs.ts";
import { FakeApi } from "../testing/fake-api.ts";
import { dawn, sampleContainer, samplePod } from "../testing/samples.ts";
import { ImagePulls } from "./image-pulls.ts";
import type { Hooks, PodServices, Probes } from "./pod-services.ts";
import { PodWorker } from "./pod-worker.ts";
import { StartTurns } from "./start-turns.ts";

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

interface Given {
  readonly behaviour?: Readonly<Record<string, SimulatedBehaviour>>;
  readonly pull?: SimulatedRuntimeOptions["pull"];
  readonly probes?: Partial<Probes>;
  readonly hooks?: Hooks;
  readonly mount?: PodServices["volumes"]["mount"];
}

/** A node with a simulated runtime, a make-believe API and virtual time, and what happens on it. */
function openNode(given: Given = {}) {
  const directory = mkdtempSync(join(tmpdir(), "nvagt-worker-"));
  const clock = new VirtualClock(dawn);
  const api = new FakeApi({ clock });
  const images = ["registry.test/app:1", "registry.test/app:2"];
  const runtime = new SimulatedRuntime({
    clock,
    random: seededRandom(2),
    images,
    logs: new MemoryLogs(),
    behaviour: ({ metadata }) => given.behaviour?.[metadata.name] ?? {},
    ...(given.pull ? { pull: given.pull } : {}),
  });
  const calls: string[] = [];
  const counted = new Proxy(runtime, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        calls.push(String(name));
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  }) as ContainerRuntime;
  const events: string[] = [];
  const recorder: EventRecorder = {
    record: (_, type, reason, message) => void events.push(`${type} ${reason} ${message}`),
    flush: async () => {},
  };
  const unmounted: string[] = [];
  const podsFolder = join(directory, "pods");
  mkdirSync(podsFolder);
  const services: PodServices = {
    client: api.client,
    runtime: counted,
    volumes: {
      mount: given.mount ?? (async () => new Map()),
      refresh: async () => {},
      unmount: async (uid) => void unmounted.push(uid),
      list: async () => [],
      subPath: (volume) => volume.path,
    },
    probes: {
      update: () => {},
      verdict: () => ({ started: true, ready: true }),
      forget: () => {},
      ...given.probes,
    },
    hooks: given.hooks ?? { run: async () => {} },
    images: new ImagePulls({ runtime: counted, clock, events: recorder, secrets: async () => [] }),
    cgroups: undefined,
    events: recorder,
    clock,
    log: silentLog,
    startTurns: new StartTurns(2),
    logFiles: new MemoryLogs(),
    runtimeName: "simulated",
    hostIP: "192.0.2.1",
    clusterDomain: "cluster.local",
    podsFolder,
    logRoot: join(directory, "logs"),
    capacityMemory: 1e9,
    dnsFor: () => ({ servers: [], searches: [], options: [] }),
    environment: () => ({
      configMap: async () => undefined,
      secret: async () => undefined,
      services: () => [],
      podIPs: [],
      hostIP: "192.0.2.1",
      nodeName: "node-1",
      allocatable: { cpu: 2, memory: 1e9 },
    }),
    handlerFor: async () => undefined,
  };
  const stop = new AbortController();
  const workers = new Map<string, PodWorker>();
  void (async () => {
    for await (const event of runtime.events(stop.signal)) workers.get(event.podUid)?.wake();
  })();
  const gone: string[] = [];
  const follow = async () => {
    for await (const { type, object } of api.client.watch(Pod, { resourceVersion: "0", signal: stop.signal })) {
      const { uid, name } = object.metadata;
      if (type === "DELETED") workers.get(uid)?.remove();
      else if (workers.has(uid)) workers.get(uid)?.update(object);
      else {
        const worker = new PodWorker(object, services, () => {
          workers.delete(uid);
          gone.push(name);
        });
        workers.set(uid, worker);
        worker.wake();
      }
    }
  };
  void follow();
  opened.push(async () => {
    stop.abort();
    await Promise.all([...workers.values()].map((worker) => worker[Symbol.asyncDispose]()));
    rmSync(directory, { recursive: true, force: true });
  });
  // Nothing here waits for real time; some rounds of the event loop let every chain of promises come to its end.
  const settled = async () => {
    for (let round = 0; round < 60; round++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = (seconds: number) => clock.pass(seconds * 1000, settled);
  return {
    api,
    runtime,
    calls,
    events,
    gone,
    unmounted,
    services,
    podsFolder,
    clock,
    pass,
    workers,
    async create(spec: Partial<PodSpec> = {}, status?: PodStatus): Promise<void> {
      const { metadata, ...pod } = samplePod(spec, status ? { status } : {});
      api.put(Pod, { ...pod, metadata: { name: metadata.name, uid: metadata.uid } });
      await pass(0);
    },
    /** The agent goes and another comes; containers go on. */
    async restartAgent(): Promise<void> {
      const pods = [...workers.values()].map(({ pod }) => pod);
      await Promise.all([...workers.values()].map((worker) => worker[Symbol.asyncDispose]()));
      workers.clear();
      for (const { metadata } of pods) {
        const pod = api.get(Pod, metadata.name);
        if (!pod) continue;
        const worker = new PodWorker(pod, services, () => gone.push(metadata.name));
        workers.set(metadata.uid, worker);
        worker.wake();
      }
      await pass(0);
    },
    pod: () => api.get(Pod, "web"),
    status: () => api.get(Pod, "web")?.status,
    container: (name = "main") => statusOf(api.get(Pod, "web"), name),
    ready: () => api.get(Pod, "web")?.status?.conditions?.find(({ type }) => type === "Ready")?.status,
    /** The simulated container of a name that was made last. */
    async live(name = "main") {
      const all = await runtime.listContainers();
      const last = all.filter(({ metadata }) => metadata.name === name).at(-1);
      return runtime.container(last!.id)!;
    },
  };
}

function statusOf(pod: Pod | undefined, name: string): ContainerStatus | undefined {
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = pod?.status ?? {};
  const all = [...(containerStatuses ?? []), ...(initContainerStatuses ?? []), ...(ephemeralContainerStatuses ?? [])];
  return all.find((status) => status.name === name);
}

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

describe("a container that crashes", () => {
  test("is restarted at once, then after 10 s, 20 s, and so on to 5 minutes", async () => {
    const node = openNode({ behaviour: { main: { runForMs: 1000, exitCode: 1 } } });
    await node.create();
    const starts: number[] = [];
    let seen = -1;
    for (let second = 0; second < 1500; second++) {
      const count = (await node.live()).config.metadata.attempt;
      if (count !== seen) starts.push(second);
      seen = count;
      await node.pass(1);
    }
    const gaps = starts.slice(1).map((at, index) => at - starts[index]!);
    // Each life takes one second of the gap.
    expect(gaps.slice(0, 9)).toEqual([1, 11, 21, 41, 81, 161, 301, 301, 301]);
  }, 60_000);

  test("says for what it waits and how it ended", async () => {
    const node = openNode({ behaviour: { main: { runForMs: 1000, exitCode: 3 } } });
    await node.create();
    await node.pass(3);
    expect(node.container()).toMatchObject({
      ready: false,
      restartCount: 1,
      state: {
        waiting: {
          reason: "CrashLoopBackOff",
          message: "back-off 10s restarting failed container=main pod=web_default(uid-web)",
        },
      },
      lastState: { terminated: { exitCode: 3, reason: "Error" } },
    });
    expect(node.events).toContain(
      "Warning BackOff Back-off restarting failed container main in pod web_default(uid-web)",
    );
    expect(node.status()?.phase).toBe("Running");
  });

  test("is forgiven after ten minutes of running", async () => {
    const node = openNode();
    await node.create();
    (await node.live()).exit(1);
    await node.pass(1);
    await node.pass(601);
    (await node.live()).exit(1);
    await node.pass(1);
    expect(node.container()).toMatchObject({ restartCount: 2, ready: true });
  });

  test("leaves no more than one dead container behind", async () => {
    const node = openNode({ behaviour: { main: { runForMs: 1000, exitCode: 1 } } });
    await node.create();
    await node.pass(200);
    expect((await node.runtime.listContainers()).length).toBeLessThanOrEqual(2);
  });

  test("does not hold up the others", async () => {
    const node = openNode({ behaviour: { bad: { runForMs: 1000, exitCode: 1 } } });
    await node.create({ containers: [sampleContainer({ name: "bad" }), sampleContainer({ name: "good" })] });
    await node.pass(5);
    expect(node.container("good")).toMatchObject({ ready: true, restartCount: 0 });
    expect(node.container("bad")?.state?.waiting?.reason).toBe("CrashLoopBackOff");
  });

  test("that cannot start says so", async () => {
    const node = openNode({ behaviour: { main: { startError: "no such program" } } });
    await node.create();
    await node.pass(1);
    expect(node.events).toContain("Warning Failed Error: no such program");
    await node.pass(3);
    expect(node.container()).toMatchObject({
      lastState: { terminated: { exitCode: 128, reason: "StartError", message: "no such program" } },
    });
  });
});

describe("an image that cannot be pulled", () => {
  const message = 'rpc error: code = NotFound desc = failed to pull and unpack image "registry.test/typo:1"';
  const spec = { containers: [sampleContainer({ image: "registry.test/typo:1" })] };

  test("is told word for word, and backs off", async () => {
    const node = openNode({ pull: async () => ({ ok: false, reason: "ErrImagePull", message }) });
    await node.create(spec);
    expect(node.container()?.state?.waiting).toEqual({ reason: "ErrImagePull", message });
    expect(node.events).toEqual([
      'Normal Pulling Pulling image "registry.test/typo:1"',
      `Warning Failed Failed to pull image "registry.test/typo:1": ${message}`,
      "Warning Failed Error: ErrImagePull",
    ]);
    await node.pass(2);
    expect(node.container()?.state?.waiting).toEqual({
      reason: "ImagePullBackOff",
      message: `Back-off pulling image "registry.test/typo:1": ErrImagePull: ${message}`,
    });
    expect(node.events.slice(3, 5)).toEqual([
      'Normal BackOff Back-off pulling image "registry.test/typo:1"',
      "Warning Failed Error: ImagePullBackOff",
    ]);
    expect(node.status()?.phase).toBe("Pending");
  });

  test("does not keep the pod from ending", async () => {
    const node = openNode({ pull: () => new Promise(() => {}) });
    await node.create(spec);
    await node.api.client.delete(Pod, { namespace: "default", name: "web" });
    await node.pass(1);
    expect(node.pod()).toBeUndefined();
  });
});

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
