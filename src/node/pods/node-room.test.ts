import { expect, test } from "vitest";
import type { Pod, PodStatus } from "../../api/generated/core-v1.ts";
import { sampleContainer, samplePod } from "../testing/samples.ts";
import { NodeRoom, type Refusal, refusalFor } from "./node-room.ts";

const granted: string[] = [];
const open = (pods = 110) =>
  new NodeRoom({
    allocatable: { cpu: 2, memory: 2 ** 30, ephemeralStorage: 2 ** 30, pods },
    onGranted: (uid) => void granted.push(uid),
  });
/** Takes a pod in if there is room; else says what is missing. */
function admit(room: NodeRoom, pod: Pod): Refusal | undefined {
  const [short] = room.shortages(pod);
  if (!short) room.take(pod);
  return short && refusalFor(short);
}
function asking(
  uid: string,
  requests: Readonly<Record<string, string>>,
  more: { priority?: number; status?: PodStatus } = {},
): Pod {
  const { status, ...spec } = more;
  const containers = [sampleContainer({ resources: { requests } })];
  return samplePod({ ...spec, containers }, { metadata: { uid }, ...(status ? { status } : {}) });
}

test("a pod begins while there is room for what it asks for, and not beyond", () => {
  const room = open();
  expect(admit(room, asking("a", { cpu: "1500m", memory: "1Gi" }))).toBeUndefined();
  expect(admit(room, asking("b", { cpu: "501m" }))).toEqual({
    reason: "OutOfcpu",
    message: "Node didn't have enough resource: cpu, requested: 501, used: 1500, capacity: 2000",
  });
  expect(admit(room, asking("b", { memory: "1" }))?.reason).toBe("OutOfmemory");
  expect(admit(room, asking("b", { "ephemeral-storage": "2Gi" }))?.reason).toBe("OutOfephemeral-storage");
  expect(admit(room, asking("b", { cpu: "500m" }))).toBeUndefined();
  room.release("a");
  expect(admit(room, asking("c", { cpu: "1500m", memory: "1Gi" }))).toBeUndefined();
});

test("a node has so many pods and no more", () => {
  const room = open(1);
  expect(admit(room, asking("a", {}))).toBeUndefined();
  expect(admit(room, asking("b", {}))).toEqual({
    reason: "OutOfpods",
    message: "Node didn't have enough resource: pods, requested: 1, used: 1, capacity: 1",
  });
});

test("a pod that ran before counts with what its status says, whatever it wishes now", () => {
  const room = open();
  const containerStatuses = [
    {
      name: "main",
      image: "",
      imageID: "",
      ready: true,
      restartCount: 0,
      resources: { requests: { cpu: "1" } },
      allocatedResources: { cpu: "1" },
    },
  ];
  room.adopt(asking("a", { cpu: "9" }, { status: { phase: "Running", containerStatuses } }));
  expect(admit(room, asking("b", { cpu: "1" }))).toBeUndefined();
});

test("of those that wait the more important one is served first, then the one that has waited longest", () => {
  const room = open();
  for (const uid of ["a", "b", "c"]) admit(room, asking(uid, { cpu: "500m" }));
  admit(room, asking("big", { cpu: "500m" }));
  expect(room.settle(asking("a", { cpu: "950m" })).pending?.reason).toBe("Deferred");
  expect(room.settle(asking("b", { cpu: "950m" })).pending?.reason).toBe("Deferred");
  expect(room.settle(asking("c", { cpu: "600m" }, { priority: 5 })).pending?.reason).toBe("Deferred");
  granted.length = 0;
  room.release("big");
  expect(granted).toEqual(["c"]);
  expect(room.settle(asking("c", { cpu: "600m" }, { priority: 5 }))).toMatchObject({ granted: true });
  expect(room.settle(asking("c", { cpu: "100m" }, { priority: 5 })).granted).toBe(true);
  expect(granted).toEqual(["c", "a", "b"]);
});

test("it is known what the pods of a class were granted, and told when that changes", () => {
  let changes = 0;
  const allocatable = { cpu: 2, memory: 1, ephemeralStorage: 1, pods: 9 };
  const room = new NodeRoom({ allocatable, onGranted: () => {}, onChanged: () => void changes++ });
  admit(room, asking("a", { cpu: "500m" }));
  room.adopt(asking("b", { cpu: "1" }));
  expect([room.cpuOf("Burstable"), room.cpuOf("Guaranteed"), changes]).toEqual([1500, 0, 2]);
  room.release("a");
  room.release("a");
  expect([room.cpuOf("Burstable"), changes]).toEqual([1000, 3]);
});

test("less is granted on a node that gave more than it has", () => {
  const room = open();
  room.adopt(asking("a", { cpu: "1500m" }));
  room.adopt(asking("b", { cpu: "1500m" }));
  expect(room.settle(asking("b", { cpu: "1" }))).toMatchObject({ granted: true });
});
