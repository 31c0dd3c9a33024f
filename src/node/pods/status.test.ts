import { describe, expect, test } from "vitest";
import type { ContainerStatus, Pod, PodCondition, PodSpec } from "../../api/generated/core-v1.ts";
import { dawn, observedOf, observedPod, sampleContainer, samplePod, sandboxOf } from "../testing/samples.ts";
import type { ObservedPod } from "./observed.ts";
import { podStatus, type StatusInput } from "./status.ts";

function statusOf(observed: ObservedPod, extra: Partial<StatusInput> = {}, pod: Pod = samplePod()) {
  return podStatus({
    pod,
    observed,
    probes: () => ({ started: true, ready: true }),
    waiting: new Map(),
    finished: undefined,
    hostIPs: ["192.0.2.1"],
    now: dawn,
    runtimeName: "containerd",
    terminationMessage: () => undefined,
    ...extra,
  });
}

const two: Partial<PodSpec> = { containers: ["b", "a"].map((name) => sampleContainer({ name })) };
const main = (status: { readonly containerStatuses?: readonly ContainerStatus[] }) => status.containerStatuses![0]!;
const told = (extra: Partial<ContainerStatus>): ContainerStatus => ({
  name: "main",
  image: "registry.test/app:1",
  imageID: "",
  ready: true,
  restartCount: 2,
  ...extra,
});
const held = new Map([["main", { reason: "CrashLoopBackOff", message: "back-off 10s" }]]);

test("a pod that was refused before it began has no containers to tell of, now and later", () => {
  const finished = { phase: "Failed", reason: "OutOfcpu", message: "Pod was rejected: no CPU" } as const;
  const status = statusOf(observedPod([], []), { finished });
  expect(status).toMatchObject(finished);
  expect(status).not.toHaveProperty("containerStatuses");
  const again = statusOf(observedPod([], []), { finished: { phase: "Failed" } }, samplePod({}, { status }));
  expect(again).toMatchObject(finished);
  expect(again).not.toHaveProperty("containerStatuses");
});

describe("phase", () => {
  test.each<{
    name: string;
    spec?: Partial<PodSpec>;
    observed: ObservedPod;
    input?: Partial<StatusInput>;
    phase: string;
  }>([
    { name: "is Pending before anything runs", observed: observedPod([], []), phase: "Pending" },
    { name: "is Running when all run", observed: observedPod([observedOf("main", "running")]), phase: "Running" },
    {
      name: "is Pending while one was never started",
      spec: two,
      observed: observedPod([observedOf("a", "running")]),
      phase: "Pending",
    },
    {
      name: "stays Running between two lives",
      observed: observedPod([observedOf("main", "exited", { exitCode: 1 })]),
      input: { waiting: held },
      phase: "Running",
    },
    {
      name: "is Pending while init containers run",
      spec: { initContainers: [sampleContainer({ name: "one" })] },
      observed: observedPod([observedOf("one", "running")]),
      phase: "Pending",
    },
    {
      name: "is what the pod ended with",
      observed: observedPod([observedOf("main", "exited")]),
      input: { finished: { phase: "Succeeded" } },
      phase: "Succeeded",
    },
  ])("$name", ({ spec, observed, input, phase }) => {
    expect(statusOf(observed, input, samplePod(spec)).phase).toBe(phase);
  });
});

describe("a container's status", () => {
  test("waits with ContainerCreating, or PodInitializing behind init containers", () => {
    const initContainers = [sampleContainer({ name: "one" })];
    expect(main(statusOf(observedPod())).state).toEqual({ waiting: { reason: "ContainerCreating" } });
    const behind = statusOf(observedPod(), {}, samplePod({ initContainers }));
    expect(main(behind).state).toEqual({ waiting: { reason: "PodInitializing" } });
  });

  test("says as whom it runs, what it was given and how it sees its volumes", () => {
    const user = { uid: 1, gid: 2, supplementalGroups: [2, 3] };
    const resources = { requests: { cpu: "1" }, limits: { memory: "1Mi" } };
    const volumeMounts = [
      { name: "a", mountPath: "/a" },
      { name: "b", mountPath: "/b", readOnly: true },
      { name: "c", mountPath: "/c", readOnly: true, recursiveReadOnly: "Enabled" as const },
    ];
    const pod = samplePod({ containers: [sampleContainer({ resources, volumeMounts })] });
    expect(main(statusOf(observedPod([observedOf("main", "running", { user })]), {}, pod))).toMatchObject({
      user: { linux: user },
      allocatedResources: { cpu: "1" },
      resources,
      volumeMounts: [
        { name: "a", mountPath: "/a" },
        { name: "b", mountPath: "/b", readOnly: true, recursiveReadOnly: "Disabled" },
        { name: "c", mountPath: "/c", readOnly: true, recursiveReadOnly: "Enabled" },
      ],
    });
  });

  test("has its part of what all containers of a pod may say at their end", () => {
    const message = "x".repeat(4096);
    const containers = ["a", "b", "c", "d"].map((name) => sampleContainer({ name }));
    const ended = observedPod([observedOf("a", "exited", { message })]);
    const of = (pod: Pod) => statusOf(ended, {}, pod).containerStatuses?.[0]?.state?.terminated?.message?.length;
    expect(of(samplePod({ containers }))).toBe(3072);
    expect(of(samplePod({ containers: containers.slice(0, 3) }))).toBe(4096);
  });

  test("says how the life before ended", () => {
    const lives = [observedOf("main", "exited", { exitCode: 3 }), observedOf("main", "running", { restartCount: 1 })];
    expect(main(statusOf(observedPod(lives)))).toMatchObject({
      containerID: "containerd://main-1",
      restartCount: 1,
      state: { running: { startedAt: "2026-01-01T00:01:01Z" } },
      lastState: {
        terminated: {
          exitCode: 3,
          reason: "Error",
          startedAt: "2026-01-01T00:00:01Z",
          finishedAt: "2026-01-01T00:00:11Z",
          containerID: "containerd://main-0",
        },
      },
    });
  });

  test("keeps what was told of an earlier life that the runtime has forgotten", () => {
    const lastState = { terminated: { exitCode: 9 } };
    const before = told({ containerID: "containerd://main-1", lastState });
    const pod = samplePod({}, { status: { containerStatuses: [before] } });
    const status = statusOf(observedPod([observedOf("main", "running", { restartCount: 1 })]), {}, pod);
    expect(main(status).lastState).toEqual(lastState);
  });

  test("waits between two lives, with its last words", () => {
    const observed = observedPod([observedOf("main", "exited", { exitCode: 3 })]);
    expect(main(statusOf(observed, { waiting: held, terminationMessage: () => "bye" }))).toMatchObject({
      ready: false,
      state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } },
      lastState: { terminated: { exitCode: 3, message: "bye" } },
    });
  });

  test("does not wait for anything in a pod that is being deleted", () => {
    const pod = samplePod({}, { metadata: { deletionTimestamp: "2026-01-01T00:00:30Z" } });
    const status = statusOf(observedPod([observedOf("main", "exited")]), { waiting: held }, pod);
    expect(main(status).state?.terminated).toBeDefined();
  });

  test("counts a life that the runtime lost while it ran, once", () => {
    const running = { running: { startedAt: "2026-01-01T00:00:01Z" } };
    const before = told({ containerID: "containerd://lost", state: running });
    const pod = samplePod({}, { status: { containerStatuses: [before] } });
    const first = statusOf(observedPod([], []), {}, pod);
    expect(main(first)).toMatchObject({
      restartCount: 3,
      ready: false,
      lastState: { terminated: { exitCode: 137, reason: "ContainerStatusUnknown" } },
    });
    expect(main(statusOf(observedPod([], []), {}, { ...pod, status: first }))).toEqual(main(first));
  });

  test("stands as told when the container had its one life and is gone", () => {
    const before = told({ containerID: "containerd://gone", state: { terminated: { exitCode: 1 } } });
    const pod = samplePod({ restartPolicy: "Never" }, { status: { containerStatuses: [before] } });
    expect(main(statusOf(observedPod([], []), {}, pod))).toEqual(before);
  });

  test("of an init container that is done is ready", () => {
    const pod = samplePod({ initContainers: [sampleContainer({ name: "one" })] });
    const [init] = statusOf(observedPod([observedOf("one", "exited")]), {}, pod).initContainerStatuses!;
    expect(init).toMatchObject({ ready: true, started: false, state: { terminated: { exitCode: 0 } } });
  });

  test("of own containers come by name, of ephemeral ones apart", () => {
    const pod = samplePod({ ...two, ephemeralContainers: [{ name: "debug" }] });
    const status = statusOf(observedPod(), {}, pod);
    expect(status.containerStatuses?.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(status.ephemeralContainerStatuses?.map(({ name }) => name)).toEqual(["debug"]);
  });
});

describe("conditions", () => {
  const condition = (type: string, conditions: readonly PodCondition[] | undefined) =>
    conditions?.find((each) => each.type === type);
  const conditionsOf = (observed: ObservedPod, extra: Partial<StatusInput> = {}, pod?: Pod) =>
    statusOf(observed, extra, pod).conditions;

  test("all hold for a pod that runs", () => {
    const conditions = conditionsOf(observedPod([observedOf("main", "running")]));
    expect(conditions?.map(({ type, status }) => `${type} ${status}`)).toEqual([
      "PodReadyToStartContainers True",
      "Initialized True",
      "Ready True",
      "ContainersReady True",
      "PodScheduled True",
    ]);
  });

  test("say whether the pod has its sandbox and address, the one before containers can start", () => {
    const ready = (observed: ReturnType<typeof observedPod>) =>
      statusOf(observed).conditions?.find(({ type }) => type === "PodReadyToStartContainers")?.status;
    const lost = sandboxOf({ state: "notReady" });
    expect([ready(observedPod([], [])), ready(observedPod()), ready(observedPod([], [lost]))]).toEqual([
      "False",
      "True",
      "False",
    ]);
  });

  test("name the containers that are not ready", () => {
    const conditions = conditionsOf(observedPod([observedOf("a", "running")]), {}, samplePod(two));
    expect(condition("Ready", conditions)).toMatchObject({
      status: "False",
      reason: "ContainersNotReady",
      message: "containers with unready status: [b]",
    });
  });

  test("name the init containers that are not done", () => {
    const pod = samplePod({ initContainers: ["one", "two"].map((name) => sampleContainer({ name })) });
    expect(condition("Initialized", conditionsOf(observedPod([observedOf("one", "exited")]), {}, pod))).toMatchObject({
      status: "False",
      reason: "ContainersNotInitialized",
      message: "containers with incomplete status: [two]",
    });
  });

  test("say that a pod has completed or failed", () => {
    const observed = observedPod([observedOf("main", "exited")], [sandboxOf({ state: "notReady" })]);
    const done = conditionsOf(observed, { finished: { phase: "Succeeded" } });
    expect(condition("Ready", done)).toMatchObject({ status: "False", reason: "PodCompleted" });
    expect(condition("Initialized", done)).toMatchObject({ status: "True", reason: "PodCompleted" });
    expect(condition("Ready", conditionsOf(observed, { finished: { phase: "Failed" } }))?.reason).toBe("PodFailed");
  });

  test("wait for readiness gates", () => {
    const conditionType = "example.com/gate";
    const pod = samplePod({ readinessGates: [{ conditionType: conditionType as PodCondition["type"] }] });
    const observed = observedPod([observedOf("main", "running")]);
    const closed = conditionsOf(observed, {}, pod);
    expect(condition("ContainersReady", closed)?.status).toBe("True");
    expect(condition("Ready", closed)).toMatchObject({ status: "False", reason: "ReadinessGatesNotReady" });
    const gate = { type: conditionType, status: "True" } as unknown as PodCondition;
    const open = conditionsOf(observed, {}, { ...pod, status: { conditions: [gate] } });
    expect(condition("Ready", open)?.status).toBe("True");
    expect(open).toContainEqual(gate);
  });

  test("keep their time until they change", () => {
    const lastTransitionTime = "2025-01-01T00:00:00Z";
    const before = ["Ready", "Initialized"].map(
      (type) => ({ type, status: type === "Ready" ? "False" : "True", lastTransitionTime }) as unknown as PodCondition,
    );
    const pod = samplePod({}, { status: { conditions: before } });
    const conditions = conditionsOf(observedPod([observedOf("main", "running")]), {}, pod);
    expect(condition("Initialized", conditions)?.lastTransitionTime).toBe(lastTransitionTime);
    expect(condition("Ready", conditions)?.lastTransitionTime).toBe("2026-01-01T00:00:00Z");
  });
});

test("a status says which generation of the pod it is of, in its conditions too", () => {
  const pod = samplePod({}, { metadata: { generation: 3 } });
  const { observedGeneration, conditions = [] } = statusOf(observedPod([observedOf("main", "running")]), {}, pod);
  expect([observedGeneration, ...conditions.map((each) => each.observedGeneration)]).toEqual([3, 3, 3, 3, 3, 3]);
});

test("a pod in the node's network has the node's addresses", () => {
  const sandbox = sandboxOf({ ips: [] });
  const hostIPs = ["192.0.2.1", "2001:db8::1"];
  const status = statusOf(observedPod([], [sandbox]), { hostIPs }, samplePod({ hostNetwork: true }));
  const all = hostIPs.map((ip) => ({ ip }));
  expect(status).toMatchObject({ podIP: "192.0.2.1", podIPs: all, hostIP: "192.0.2.1", hostIPs: all });
});
