import { describe, expect, test } from "vitest";
import type { Amounts } from "../../api/core/pod-totals.ts";
import type { Container } from "../../api/generated/core-v1.ts";
import { sampleContainer, samplePod } from "../testing/samples.ts";
import { containerResources, podCgroupLimits } from "./qos.ts";

const status = { qosClass: "Burstable" } as const;
const asking = (name: string, requests: Amounts, limits: Amounts = {}, more: Partial<Container> = {}) =>
  sampleContainer({ name, resources: { requests, limits }, ...more });
const sidecar = { restartPolicy: "Always" } as const;

test("a pod's overhead is in its control group", () => {
  const containers = [sampleContainer({ resources: { requests: { memory: "64Mi" }, limits: { memory: "64Mi" } } })];
  const status = { qosClass: "Burstable" } as const;
  const overhead = { memory: "16Mi", cpu: "500m" };
  expect(podCgroupLimits(samplePod({ containers, overhead }, { status }))).toEqual({
    cpuShares: 512,
    memory: 80 * 2 ** 20,
  });
});

describe("a pod's control group", () => {
  test("has what the most greedy moment takes: sidecars beside the containers, or an init container", () => {
    const containers = [asking("main", { cpu: "1" }, { cpu: "1" })];
    const initContainers = [asking("proxy", { cpu: "500m" }, { cpu: "1" }, sidecar), asking("first", {}, { cpu: "3" })];
    expect(podCgroupLimits(samplePod({ containers, initContainers }, { status }))).toEqual({
      cpuShares: 1536,
      cpuQuota: 400_000,
      cpuPeriod: 100_000,
    });
  });

  test("has no limit where one container has none", () => {
    const containers = [asking("main", { memory: "1Mi" }, { memory: "1Mi" })];
    const initContainers = [asking("first", {})];
    expect(podCgroupLimits(samplePod({ containers, initContainers }, { status }))).toEqual({ cpuShares: 2 });
  });

  test("has what the pod as a whole is given, whatever its containers say", () => {
    const resources = { requests: { cpu: "1", memory: "64Mi" }, limits: { cpu: "2", memory: "128Mi" } };
    const containers = [asking("main", { cpu: "100m" }), asking("other", {}, { memory: "32Mi" })];
    expect(podCgroupLimits(samplePod({ containers, resources }, { status }))).toEqual({
      cpuShares: 1024,
      cpuQuota: 200_000,
      cpuPeriod: 100_000,
      memory: 128 * 2 ** 20,
    });
  });
});

describe("a container", () => {
  const capacity = 1000 * 2 ** 20;

  test("that has no limit has that of its pod", () => {
    const resources = { limits: { cpu: "2", memory: "128Mi" } };
    const [one, two] = [asking("one", { cpu: "1" }, { memory: "32Mi" }), asking("two", {})];
    const pod = samplePod({ containers: [one, two], resources }, { status });
    expect(containerResources(pod, one, capacity)).toMatchObject({
      ...{ cpuShares: 1024, cpuQuota: 200_000, memoryLimitBytes: 32 * 2 ** 20 },
    });
    expect(containerResources(pod, two, capacity)).toMatchObject({
      ...{ cpuShares: 2, cpuQuota: 200_000, memoryLimitBytes: 128 * 2 ** 20 },
    });
  });

  test("is killed the later the more memory it asked for, what the pod asked for as a whole is shared", () => {
    const [one, two] = [asking("one", { memory: "100Mi" }), asking("two", {})];
    const score = (pod: ReturnType<typeof samplePod>, container: Container) =>
      containerResources(pod, container, capacity).oomScoreAdj;
    const plain = samplePod({ containers: [one, two] }, { status });
    expect([score(plain, one), score(plain, two)]).toEqual([900, 999]);
    const whole = samplePod({ containers: [one, two], resources: { requests: { memory: "300Mi" } } }, { status });
    expect([score(whole, one), score(whole, two)]).toEqual([800, 900]);
    const sure = samplePod({ containers: [one] }, { status: { qosClass: "Guaranteed" } });
    const idle = samplePod({ containers: [two] }, { status: { qosClass: "BestEffort" } });
    expect([score(sure, one), score(idle, two)]).toEqual([-997, 1000]);
  });

  test("that is a sidecar is not killed before those that need it", () => {
    const proxy = asking("proxy", { memory: "1Mi" }, {}, sidecar);
    const containers = [asking("one", { memory: "100Mi" }), asking("two", { memory: "200Mi" })];
    const pod = samplePod({ containers, initContainers: [proxy] }, { status });
    expect(containerResources(pod, proxy, capacity).oomScoreAdj).toBe(900);
  });
});
