import { describe, expect, it } from "vitest";
import { received, row, type Sketch } from "../kind-fixture.ts";
import { Pod } from "./pod.ts";

const status = (name: string, more: object) => ({
  name,
  image: "i",
  imageID: "",
  ready: false,
  restartCount: 0,
  ...more,
});
const waiting = (reason: string) => ({ state: { waiting: { reason } } });
const ended = (exitCode: number, more: object = {}) => ({ state: { terminated: { exitCode, ...more } } });
const running = { ready: true, state: { running: {} } };

function cells(podStatus: object, spec: object = {}, metadata: Sketch["metadata"] = {}) {
  const pod = received(Pod, {
    metadata: { creationTimestamp: "2020-01-01T00:00:00Z", ...metadata },
    spec: { containers: [{ name: "a", image: "img:1" }], ...spec },
    status: podStatus,
  });
  return row(Pod, pod);
}

const sidecar = { initContainers: [{ name: "s", image: "img:1", restartPolicy: "Always" }] };
const twoInits = {
  initContainers: [
    { name: "i", image: "img:1" },
    { name: "j", image: "img:1" },
  ],
};

describe("kubectl get pods", () => {
  it.each([
    ["nothing happened yet", { phase: "Pending" }, {}, "0/1", "Pending"],
    ["it runs", { phase: "Running", containerStatuses: [status("a", running)] }, {}, "1/1", "Running"],
    ["it has no reason but a phase reason", { phase: "Failed", reason: "Evicted" }, {}, "0/1", "Evicted"],
    [
      "it crashes",
      { phase: "Running", containerStatuses: [status("a", waiting("CrashLoopBackOff"))] },
      {},
      "0/1",
      "CrashLoopBackOff",
    ],
    [
      "it has ended well",
      { phase: "Succeeded", containerStatuses: [status("a", ended(0, { reason: "Completed" }))] },
      {},
      "0/1",
      "Completed",
    ],
    [
      "it has ended badly, without a reason",
      { phase: "Failed", containerStatuses: [status("a", ended(3))] },
      {},
      "0/1",
      "ExitCode:3",
    ],
    [
      "it was killed by a signal",
      { phase: "Failed", containerStatuses: [status("a", ended(137, { signal: 9 }))] },
      {},
      "0/1",
      "Signal:9",
    ],
    [
      "its first init container runs",
      { phase: "Pending", initContainerStatuses: [status("i", { state: { running: {} } })] },
      twoInits,
      "0/1",
      "Init:0/2",
    ],
    [
      "its second init container fails",
      { phase: "Pending", initContainerStatuses: [status("i", ended(0)), status("j", ended(1, { reason: "Error" }))] },
      twoInits,
      "0/1",
      "Init:Error",
    ],
    [
      "its init container waits for an image",
      { phase: "Pending", initContainerStatuses: [status("i", waiting("ImagePullBackOff"))] },
      twoInits,
      "0/1",
      "Init:ImagePullBackOff",
    ],
    [
      "a sidecar runs beside it",
      {
        phase: "Running",
        initContainerStatuses: [status("s", { ...running, started: true })],
        containerStatuses: [status("a", running)],
      },
      sidecar,
      "2/2",
      "Running",
    ],
    [
      "a gate holds it back",
      { phase: "Pending", conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] },
      {},
      "0/1",
      "SchedulingGated",
    ],
  ])("says when %s", (_when, podStatus, spec, ready, text) => {
    expect(cells(podStatus, spec)).toMatchObject({ Ready: ready, Status: text });
  });

  it("says Terminating while it is deleted, and Unknown when its node is lost", () => {
    const deleted = { deletionTimestamp: "2020-01-01T00:30:00Z" };
    expect(cells({ phase: "Running" }, {}, deleted)).toMatchObject({ Status: "Terminating" });
    expect(cells({ phase: "Running", reason: "NodeLost" }, {}, deleted)).toMatchObject({ Status: "Unknown" });
  });

  it("counts restarts, and says how long ago the last one was", () => {
    const lastState = { terminated: { exitCode: 1, finishedAt: "2020-01-01T00:55:00Z" } };
    const containerStatuses = [status("a", { ...running, restartCount: 3, lastState })];
    expect(cells({ phase: "Running", containerStatuses })).toMatchObject({ Restarts: "3 (5m ago)", Age: "60m" });
    expect(cells({ phase: "Running", containerStatuses: [status("a", running)] })).toMatchObject({ Restarts: "0" });
  });

  it("shows where it is in wide output", () => {
    const spec = { nodeName: "n1", readinessGates: [{ conditionType: "g.io/x" }] };
    expect(cells({ phase: "Running", podIP: "10.0.0.7" }, spec)).toMatchObject({
      IP: "10.0.0.7",
      Node: "n1",
      "Nominated Node": "<none>",
      "Readiness Gates": "0/1",
    });
  });
});
