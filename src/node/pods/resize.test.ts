import { describe, expect, test } from "vitest";
import { Pod } from "../../api/core/pod.ts";
import type { Container, ResourceRequirements } from "../../api/generated/core-v1.ts";
import { Fault } from "../../lib/fault.ts";
import { sampleContainer, samplePod } from "../testing/samples.ts";
import { openNode } from "../testing/worker-node.ts";
import { podCgroupLimits } from "./qos.ts";
import { changedResources } from "./resize.ts";

const small: ResourceRequirements = {
  requests: { cpu: "100m", memory: "32Mi" },
  limits: { cpu: "200m", memory: "64Mi" },
};
const large: ResourceRequirements = {
  requests: { cpu: "100m", memory: "64Mi" },
  limits: { cpu: "500m", memory: "1Gi" },
};

test("amounts are compared by what they mean", () => {
  expect(changedResources({ limits: { cpu: "1000m" } }, { limits: { cpu: "1" } })).toEqual([]);
  expect(changedResources(small, large)).toEqual(["cpu", "memory"]);
  expect(changedResources({}, { requests: { memory: "1Mi" } })).toEqual(["memory"]);
});

describe("a pod that is declared to have other amounts", () => {
  const resized = async (extra: Partial<Container> = {}, prepare = (_node: ReturnType<typeof openNode>) => {}) => {
    const node = openNode();
    await node.create({ containers: [sampleContainer({ resources: small, ...extra })] });
    prepare(node);
    node.calls.length = 0;
    node.api.change(Pod, "web", (pod) => ({
      ...pod,
      spec: { ...pod.spec, containers: pod.spec.containers.map((container) => ({ ...container, resources: large })) },
    }));
    await node.pass(1);
    return node;
  };

  test("gets them in place, and its status says so", async () => {
    const node = await resized();
    expect(node.calls.filter((call) => call === "updateContainerResources")).toHaveLength(1);
    expect(node.container()).toMatchObject({ restartCount: 0, resources: large });
    expect(node.events).toContain("Normal ResizeCompleted Pod resize completed: main (cpu, memory)");
    node.calls.length = 0;
    await node.restartAgent();
    expect(node.calls).not.toContain("updateContainerResources");
  });

  test("is restarted with them where its policy says so", async () => {
    const node = await resized({ resizePolicy: [{ resourceName: "memory", restartPolicy: "RestartContainer" }] });
    expect(node.calls).not.toContain("updateContainerResources");
    await node.pass(15);
    expect(node.container()).toMatchObject({ restartCount: 1, resources: large });
  });

  test("is told to have what it has when the runtime refuses", async () => {
    const node = await resized({}, ({ runtime }) => {
      runtime.updateContainerResources = () => Promise.reject(new Fault("internal", "device or resource busy"));
    });
    expect(node.container()).toMatchObject({ restartCount: 0, resources: small });
    const condition = {
      type: "PodResizeInProgress",
      status: "True",
      reason: "Error",
      message: "device or resource busy",
    };
    expect(node.status()?.conditions).toContainEqual(expect.objectContaining(condition));
  });
});

test("a pod's overhead is in its control group", () => {
  const containers = [sampleContainer({ resources: { requests: { memory: "64Mi" }, limits: { memory: "64Mi" } } })];
  const status = { qosClass: "Burstable" } as const;
  const overhead = { memory: "16Mi", cpu: "500m" };
  expect(podCgroupLimits(samplePod({ containers, overhead }, { status }))).toEqual({
    cpuShares: 512,
    memory: 80 * 2 ** 20,
  });
});
