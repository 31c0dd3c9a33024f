import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { seededRandom, systemRandom } from "../../lib/random.ts";
import { type ContractRole, runtimeContract } from "./contract.ts";
import { openCriRuntime } from "./cri.ts";
import { rpcErrorText, rpcFault } from "./cri-channel.ts";
import { serveCri } from "./cri-server.ts";
import { containerOfEvent, criMethod } from "./cri-wire.ts";
import { refuseIgnoredInContainer, refuseIgnoredInSandbox } from "./features.ts";
import type { ContainerConfig, RuntimeFeatures, SandboxConfig } from "./runtime.ts";
import { SimulatedRuntime } from "./simulated.ts";
import type { SimulatedBehaviour } from "./simulated-behaviour.ts";
import { MemoryLogs } from "./simulated-logs.ts";

const roles: Readonly<Record<ContractRole, SimulatedBehaviour>> = {
  waits: {
    exec: ([program]) => ({ exitCode: program === "false" ? 1 : 0, takesMs: program === "sleep" ? 60_000 : 0 }),
  },
  stubborn: { stopDelayMs: Number.POSITIVE_INFINITY },
  prints: {
    output: [
      { afterMs: 0, line: "out" },
      { afterMs: 0, stream: "stderr", line: "err" },
    ],
    runForMs: 5,
  },
  fails: { runForMs: 5, exitCode: 3 },
  cannotStart: { startError: "no such program" },
};

async function socketPath() {
  const directory = await mkdtemp(join(tmpdir(), "navarch-cri-"));
  return { socket: join(directory, "cri.sock"), remove: () => rm(directory, { recursive: true, force: true }) };
}

for (const events of [true, false]) {
  runtimeContract(`cri, ${events ? "with" : "without"} an event stream`, async () => {
    const { socket, remove } = await socketPath();
    const logs = new MemoryLogs();
    const simulated = new SimulatedRuntime({
      clock: systemClock,
      random: systemRandom,
      behaviour: (container) => roles[container.args?.[0] as ContractRole],
      images: ["example.com/shell:1"],
      pull: async (image) => ({ ok: false, reason: "ErrImagePull", message: `${image}: not found` }),
      logs,
    });
    const server = await serveCri({ runtime: simulated, socket, events });
    const runtime = openCriRuntime({ endpoint: `unix://${socket}`, clock: systemClock });
    return {
      runtime,
      image: "example.com/shell:1",
      absentImage: "example.com/absent:1",
      logDirectory: "/logs",
      as: (role) => ({ args: [role] }),
      log: async (path) => logs.text(path),
      streams: false,
      [Symbol.asyncDispose]: async () => {
        await runtime[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
        await remove();
      },
    };
  });
}

const sandbox: SandboxConfig = {
  metadata: { name: "web", uid: "u1", namespace: "default", attempt: 0 },
  labels: {},
  annotations: {},
};

describe("the CRI driver's connection", () => {
  test("throws unavailable while nobody listens, and works once somebody does", async () => {
    const { socket, remove } = await socketPath();
    await using runtime = openCriRuntime({ endpoint: socket, clock: systemClock });
    await expect(runtime.version()).rejects.toMatchObject({ code: "unavailable" });
    const simulated = new SimulatedRuntime({ clock: systemClock, random: seededRandom(1) });
    await using _ = await serveCri({ runtime: simulated, socket });
    await expect
      .poll(() => runtime.version().catch(() => undefined), { timeout: 10_000 })
      .toMatchObject({ name: "simulated" });
    await remove();
  });

  test("catches up with what happened while the runtime was away", async () => {
    const { socket, remove } = await socketPath();
    const simulated = new SimulatedRuntime({ clock: systemClock, random: seededRandom(1) });
    const first = await serveCri({ runtime: simulated, socket });
    await using runtime = openCriRuntime({ endpoint: socket, clock: systemClock });
    const stop = new AbortController();
    const events = runtime.events(stop.signal)[Symbol.asyncIterator]();
    const next = async () => (await events.next()).value?.type;
    const id = await simulated.runSandbox(sandbox);
    expect(await next()).toBe("started");
    await first[Symbol.asyncDispose]();
    await simulated.removeSandbox(id);
    await using _ = await serveCri({ runtime: simulated, socket });
    expect(await next()).toBe("exited");
    expect(await next()).toBe("deleted");
    stop.abort();
    await remove();
  });

  test("gives up a call at its deadline, or when told to", async () => {
    const { socket, remove } = await socketPath();
    const simulated = new SimulatedRuntime({ clock: systemClock, random: seededRandom(1), sandboxDelayMs: 60_000 });
    await using _ = await serveCri({ runtime: simulated, socket });
    await using runtime = openCriRuntime({ endpoint: socket, clock: systemClock, requestTimeoutMs: 50 });
    await runtime.version().catch(() => {});
    await expect(runtime.runSandbox(sandbox)).rejects.toMatchObject({ code: "timeout" });
    await using patient = openCriRuntime({ endpoint: socket, clock: systemClock });
    const other = { ...sandbox, metadata: { ...sandbox.metadata, attempt: 1 } };
    const call = patient.runSandbox(other, { signal: AbortSignal.timeout(50) });
    await expect(call).rejects.toMatchObject({ code: "aborted" });
    await remove();
  });

  test("throws closed after it was disposed", async () => {
    const runtime = openCriRuntime({ endpoint: "/nowhere.sock", clock: systemClock });
    await runtime[Symbol.asyncDispose]();
    await expect(runtime.version()).rejects.toMatchObject({ code: "closed" });
  });
});

describe("a failed call", () => {
  const failure = (code: status, details: string) =>
    Object.assign(new Error(`${code} ${details}`), { code, details, metadata: undefined as never });

  test.each([
    { code: status.NOT_FOUND, details: "no such container", fault: "missing" },
    { code: status.UNAVAILABLE, details: "connection refused", fault: "unavailable" },
    { code: status.DEADLINE_EXCEEDED, details: "context deadline exceeded", fault: "timeout" },
    { code: status.RESOURCE_EXHAUSTED, details: "message too large", fault: "exhausted" },
    { code: status.UNKNOWN, details: "container is in CONTAINER_EXITED state", fault: "conflict" },
    {
      code: status.UNKNOWN,
      details: 'failed to reserve sandbox name "a": name is reserved for "b"',
      fault: "conflict",
    },
    { code: status.UNKNOWN, details: "something else", fault: "internal" },
  ])("of code $code saying '$details' is $fault", ({ code, details, fault }) => {
    expect(rpcFault(failure(code, details))).toMatchObject({ code: fault, message: details });
  });

  test("is quoted in events as the kubelet quotes it", () => {
    const text = (code: status) => rpcErrorText(rpcFault(failure(code, "why")));
    expect(text(status.NOT_FOUND)).toBe("rpc error: code = NotFound desc = why");
    expect(text(status.UNKNOWN)).toBe("rpc error: code = Unknown desc = why");
    expect(text(status.CANCELLED)).toBe("rpc error: code = Canceled desc = why");
    expect(rpcErrorText(new Error("plain"))).toBe("plain");
  });
});

describe("messages", () => {
  test("keep large numbers, enumerations and absent parts", () => {
    const { response } = criMethod("RuntimeService", "ContainerStatus");
    const message = {
      status: { id: "c", state: "CONTAINER_EXITED", createdAt: 1_795_229_388_306_134_300, exitCode: -1 },
    } as const;
    const decoded = response.decode(response.encode(message)).status!;
    expect(decoded).toMatchObject({
      id: "c",
      state: "CONTAINER_EXITED",
      exitCode: -1,
      reason: "",
      mounts: [],
      labels: {},
    });
    expect(Math.abs(decoded.createdAt! - message.status.createdAt)).toBeLessThan(1_000);
    expect(decoded.image).toBeUndefined();
  });

  test("of containerd's events name their container, those of exec'd processes do not", () => {
    // TaskExit: container_id = 1, id = 2.
    const exit = (id: string) =>
      Buffer.concat([Buffer.from([0x0a, 1]), Buffer.from("c"), Buffer.from([0x12, 1]), Buffer.from(id)]);
    const envelope = (value: Uint8Array, topic = "/tasks/exit") => ({
      namespace: "k8s.io",
      topic,
      event: { typeUrl: "", value },
    });
    expect(containerOfEvent(envelope(exit("c")))).toBe("c");
    expect(containerOfEvent(envelope(exit("x")))).toBeUndefined();
    expect(containerOfEvent(envelope(exit("c"), "/images/create"))).toBeUndefined();
  });
});

describe("what a runtime would silently ignore", () => {
  const none: RuntimeFeatures = {
    userNamespaces: false,
    recursiveReadonlyMounts: false,
    supplementalGroupsPolicy: false,
    imageVolumes: false,
    cdiDevices: false,
    stopSignal: false,
  };
  const all = Object.fromEntries(Object.keys(none).map((name) => [name, true])) as unknown as RuntimeFeatures;
  const plain: ContainerConfig = { metadata: { name: "c", attempt: 0 }, image: "i", labels: {}, annotations: {} };
  const mapping = [{ hostId: 1, containerId: 0, length: 1 }];
  const namespaces = {
    network: "pod",
    pid: "container",
    ipc: "pod",
    userNamespace: { uids: mapping, gids: mapping },
  } as const;

  test.each<{ readonly name: string; readonly config: Partial<ContainerConfig> }>([
    { name: "user namespaces", config: { security: { namespaces } } },
    { name: "image volumes", config: { mounts: [{ hostPath: "", containerPath: "/m", image: { ref: "i" } }] } },
    {
      name: "recursive read-only mounts",
      config: { mounts: [{ hostPath: "/h", containerPath: "/m", readonly: true, recursiveReadonly: true }] },
    },
    { name: "CDI devices", config: { cdiDevices: ["example.com/gpu=0"] } },
    { name: "a stop signal", config: { stopSignal: "SIGUSR1" } },
  ])("is refused by name: $name", ({ name, config }) => {
    const refused = () => refuseIgnoredInContainer({ ...plain, ...config }, none);
    expect(refused).toThrow(expect.objectContaining({ code: "unsupported", message: expect.stringContaining(name) }));
    expect(() => refuseIgnoredInContainer({ ...plain, ...config }, all)).not.toThrow();
  });

  test("is refused for sandboxes too", () => {
    const wanted = { ...sandbox, security: { namespaces } };
    expect(() => refuseIgnoredInSandbox(wanted, none)).toThrow(/user namespaces/);
    expect(() => refuseIgnoredInSandbox(wanted, all)).not.toThrow();
  });
});
