import { describe, expect, it } from "vitest";
import { created, faultsOfChange } from "../kind-fixture.ts";
import { Pod } from "./pod.ts";
import { validateEphemeralChange, validateResizeChange } from "./validate-pod-parts.ts";

const container = { name: "c", image: "img:1" };
const spec = { containers: [container] };
const change = (before: object, after: object) =>
  faultsOfChange(Pod, { spec: { ...spec, ...before } }, { spec: { ...spec, ...after } });

describe("a change of a pod", () => {
  it.each([
    ["to another image", {}, { containers: [{ ...container, image: "img:2" }] }],
    ["to an earlier deadline", { activeDeadlineSeconds: 20 }, { activeDeadlineSeconds: 10 }],
    ["by one more toleration", {}, { tolerations: [{ key: "a", operator: "Exists" }] }],
    ["by lifting a gate", { schedulingGates: [{ name: "a" }] }, {}],
    [
      "to fewer nodes while it is held back",
      { schedulingGates: [{ name: "a" }] },
      { schedulingGates: [{ name: "a" }], nodeSelector: { x: "y" } },
    ],
  ])("is fine %s", (_what, before, after) => {
    expect(change(before, after)).toEqual([]);
  });

  it.each([
    [
      "to a later deadline",
      { activeDeadlineSeconds: 10 },
      { activeDeadlineSeconds: 20 },
      "spec.activeDeadlineSeconds: Invalid value: 20: must be less than or equal to previous value",
    ],
    [
      "that takes a toleration away",
      { tolerations: [{ key: "a", operator: "Exists" }] },
      {},
      "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
    ],
    [
      "by one more container",
      {},
      { containers: [container, { ...container, name: "d" }] },
      "spec.containers: Forbidden: pod updates may not add or remove containers",
    ],
    [
      "by one more gate",
      {},
      { schedulingGates: [{ name: "a" }] },
      "spec.schedulingGates: Forbidden: only deletion is allowed, but found new scheduling gate 'a'",
    ],
  ])("is refused %s", (_what, before, after, fault) => {
    expect(change(before, after)).toEqual([fault]);
  });

  it("of anything else is refused, and the fault shows what differs", () => {
    const [fault] = change({}, { nodeName: "n" });
    expect(fault).toContain("spec: Forbidden: pod updates may not change fields other than");
    expect(fault).toContain('+ \tnodeName: "n"');
  });

  it("of its status leaves the spec alone, and keeps the class of its resources", () => {
    const pod = created(Pod, { spec });
    const next = { ...pod, spec: { ...pod.spec, nodeName: "elsewhere" }, status: { phase: "Running" as const } };
    const updated = Pod.declaration.prepareStatus?.(next, pod);
    expect(updated?.spec).toBe(pod.spec);
    expect(updated?.status).toEqual({ phase: "Running", qosClass: "BestEffort" });
  });

  it("of its status cannot bring an ended container back", () => {
    const status = (state: object) => ({
      containerStatuses: [{ name: "c", image: "i", imageID: "", ready: false, restartCount: 0, state }],
    });
    const before = created(Pod, { spec: { ...spec, restartPolicy: "Never" } });
    const ended = { ...before, status: status({ terminated: { exitCode: 1 } }) };
    const again = { ...before, status: status({ running: {} }) };
    expect(Pod.declaration.validateStatus?.(again, ended)).toMatchObject([
      { field: "status.containerStatuses[0].state", reason: "FieldValueForbidden" },
    ]);
    expect(Pod.declaration.validateStatus?.(ended, ended)).toEqual([]);
  });
});

describe("a part of a pod", () => {
  const made = (more: object) => created(Pod, { spec: { ...spec, ...more } });
  const sized = (cpu: string) => made({ containers: [{ ...container, resources: { requests: { cpu } } }] });

  it("that is an ephemeral container may come, but not go or change", () => {
    const debug = { name: "d", image: "img:1", terminationMessagePolicy: "File", imagePullPolicy: "Always" };
    const [without, one, other] = [[], [debug], [{ ...debug, image: "img:2" }]].map((list) =>
      made({ ephemeralContainers: list }),
    );
    if (!without || !one || !other) throw new Error("three pods");
    expect(validateEphemeralChange(one, without)).toEqual([]);
    expect(validateEphemeralChange(without, one)).toMatchObject([
      { message: 'Forbidden: existing ephemeral containers "d" may not be removed\n' },
    ]);
    expect(validateEphemeralChange(other, one)[0]?.message).toContain('"d" may not be changed');
  });

  it("that is its size may change, but not what was asked for into nothing", () => {
    expect(validateResizeChange(sized("2"), sized("1"))).toEqual([]);
    expect(validateResizeChange(made({}), sized("1"))).toMatchObject([
      { field: "spec", message: 'Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing' },
      { field: "spec.containers[0].resources.requests", message: "Forbidden: resource requests cannot be removed" },
    ]);
  });
});

describe("the time that a pod has to end", () => {
  const grace = (more: object, status: object = {}) =>
    Pod.declaration.gracePeriod?.({ ...created(Pod, { spec: { ...spec, ...more } }), status });

  it("is what its spec says once it is on a node", () => {
    expect(grace({ nodeName: "n", terminationGracePeriodSeconds: 5 })).toBe(5);
  });

  it("is none before it is on a node, or when it has ended", () => {
    expect(grace({})).toBe(0);
    expect(grace({ nodeName: "n" }, { phase: "Succeeded" })).toBe(0);
  });
});
