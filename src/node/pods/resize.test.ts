import { describe, expect, test } from "vitest";
import { Pod } from "../../api/core/pod.ts";
import type { Container, ResourceRequirements } from "../../api/generated/core-v1.ts";
import { Fault } from "../../lib/fault.ts";
import { sampleContainer, samplePod } from "../testing/samples.ts";
import { openNode } from "../testing/worker-node.ts";
import { changedResources } from "./granted-resources.ts";
import type { PodCgroupLimits } from "./qos.ts";

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

const requests = (cpu: string): ResourceRequirements => ({ requests: { cpu } });

describe("a pod that is declared to have other amounts", () => {
  const declare = (node: ReturnType<typeof openNode>, resources: ResourceRequirements) =>
    node.api.change(Pod, "web", (pod) => ({
      ...pod,
      spec: { ...pod.spec, containers: pod.spec.containers.map((container) => ({ ...container, resources })) },
    }));
  const resized = async (extra: Partial<Container> = {}, prepare = (_node: ReturnType<typeof openNode>) => {}) => {
    const node = openNode();
    await node.create({ containers: [sampleContainer({ resources: small, ...extra })] });
    prepare(node);
    node.calls.length = 0;
    declare(node, large);
    await node.pass(1);
    return node;
  };
  /** A pod with a tenth of a core on a node of two, beside another with one and a half. */
  const crowded = async () => {
    const node = openNode();
    const other = samplePod(
      { containers: [sampleContainer({ resources: requests("1500m") })] },
      { metadata: { uid: "o" } },
    );
    node.services.room.take(other);
    await node.create({ containers: [sampleContainer({ resources: requests("100m") })] });
    return node;
  };

  test("waits while others have it, and gets it when they have gone", async () => {
    const node = await crowded();
    declare(node, requests("1"));
    await node.pass(1);
    const message = "Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000";
    expect(node.condition("PodResizePending")).toMatchObject({ status: "True", reason: "Deferred", message });
    expect(node.container()).toMatchObject({ allocatedResources: { cpu: "100m" }, resources: requests("100m") });
    expect(node.events.some((event) => event.startsWith("Warning ResizeDeferred Pod resize Deferred: {"))).toBe(true);
    node.services.room.release("o");
    await node.pass(1);
    expect(node.condition("PodResizePending")).toBeUndefined();
    expect(node.container()).toMatchObject({
      restartCount: 0,
      resources: requests("1"),
      allocatedResources: { cpu: "1" },
    });
  });

  test("is told that the node never has it, and goes on with what it has, after a restart of the agent too", async () => {
    const node = await crowded();
    declare(node, requests("3"));
    await node.pass(1);
    const message = "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000";
    const told = () =>
      expect(node.condition("PodResizePending")).toMatchObject({ status: "True", reason: "Infeasible", message });
    told();
    node.services.room.release("uid-web");
    await node.restartAgent();
    told();
    expect(node.container()).toMatchObject({ restartCount: 0, allocatedResources: { cpu: "100m" } });
    declare(node, requests("100m"));
    await node.pass(1);
    expect(node.condition("PodResizePending")).toBeUndefined();
  });

  test("keeps its memory where it uses more than it is to have", async () => {
    const node = openNode();
    await node.create({ containers: [sampleContainer({ resources: large })] });
    node.runtime.containerStats = async (id) => ({
      id,
      metadata: { name: "main", attempt: 0 },
      labels: {},
      annotations: {},
      memory: { timestamp: 0, usageBytes: 100 * 2 ** 20 },
    });
    declare(node, small);
    await node.pass(1);
    const message = 'attempting to set container "main" memory limit (67108864) below current usage (104857600)';
    expect(node.condition("PodResizeInProgress")?.message).toBe(`cannot decrease memory limits: ${message}`);
    expect(node.calls).not.toContain("updateContainerResources");
  });

  test("gets them in place, and its status says so", async () => {
    const node = await resized();
    expect(node.calls.filter((call) => call === "updateContainerResources")).toHaveLength(1);
    expect(node.container()).toMatchObject({ restartCount: 0, resources: large });
    const summary = JSON.stringify({ containers: [{ name: "main", resources: large }], generation: 1 });
    expect(node.events.filter((event) => event.includes("Resize"))).toEqual([
      `Normal ResizeStarted Pod resize started: ${summary}`,
      `Normal ResizeCompleted Pod resize completed: ${summary}`,
    ]);
    expect(node.condition("PodResizeInProgress")).toBeUndefined();
    node.calls.length = 0;
    await node.restartAgent();
    expect(node.calls).not.toContain("updateContainerResources");
  });

  test("has its group changed after its containers where they shrink, sidecars too", async () => {
    const node = openNode();
    const limited = (cpu: string): ResourceRequirements => ({ requests: { cpu: "10m" }, limits: { cpu } });
    const proxy = (cpu: string) => sampleContainer({ name: "proxy", restartPolicy: "Always", resources: limited(cpu) });
    const story: unknown[] = [];
    Object.assign(node.services, {
      cgroups: {
        podPath: () => "",
        remove: async () => {},
        ensurePod: async (_qos: string, _uid: string, { cpuQuota }: PodCgroupLimits) => void story.push(cpuQuota),
      },
    });
    const status = { phase: "Pending", qosClass: "Burstable" } as const;
    const containers = [sampleContainer({ resources: limited("1") })];
    await node.create({ containers, initContainers: [proxy("1")] }, status);
    const { updateContainerResources } = node.runtime;
    node.runtime.updateContainerResources = (id, resources) => {
      story.push("container");
      return updateContainerResources.call(node.runtime, id, resources);
    };
    story.length = 0;
    node.api.change(Pod, "web", (pod) => ({ ...pod, spec: { ...pod.spec, initContainers: [proxy("500m")] } }));
    await node.pass(1);
    expect(story).toEqual([200_000, "container", 150_000]);
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
    expect(node.container()?.allocatedResources).toEqual(large.requests);
    expect(node.condition("PodResizeInProgress")).toMatchObject({
      status: "True",
      reason: "Error",
      message: "device or resource busy",
    });
  });
});
