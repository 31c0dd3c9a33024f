import { describe, expect, test } from "vitest";
import type { Container, PodSpec } from "../../api/generated/core-v1.ts";
import { samplePod } from "../testing/samples.ts";
import { amountOf, placedRequests, podRequests, scoredRequests } from "./requests.ts";

const container = (cpu?: string, memory?: string, more: object = {}) =>
  ({
    name: "c",
    resources: { requests: { ...(cpu ? { cpu } : {}), ...(memory ? { memory } : {}) } },
    ...more,
  }) as unknown as Container;
const spec = (containers: readonly Container[], more: object = {}) => ({ containers, ...more }) as unknown as PodSpec;
const sidecar = { restartPolicy: "Always" };

describe("what a pod requests", () => {
  test.each([
    { name: "is the sum of its containers", of: spec([container("100m"), container("200m")]), cpu: 300 },
    {
      name: "is that of its largest init container where that is more",
      of: spec([container("100m")], { initContainers: [container("1"), container("3")] }),
      cpu: 3000,
    },
    {
      name: "counts sidecars beside the containers",
      of: spec([container("100m")], { initContainers: [container("500m", undefined, sidecar)] }),
      cpu: 600,
    },
    {
      name: "counts the sidecars that run already beside an init container",
      of: spec([container("100m")], {
        initContainers: [container("500m", undefined, sidecar), container("1"), container("5", undefined, sidecar)],
      }),
      cpu: 5600,
    },
    {
      name: "does not count a later sidecar beside an earlier init container",
      of: spec([container("100m")], { initContainers: [container("2"), container("500m", undefined, sidecar)] }),
      cpu: 2000,
    },
    { name: "has the overhead on top", of: spec([container("1")], { overhead: { cpu: "250m" } }), cpu: 1250 },
    {
      name: "is what the pod as a whole asks for, where it does",
      of: spec([container("1"), container("1")], { resources: { requests: { cpu: "4" } } }),
      cpu: 4000,
    },
    { name: "is nothing without requests", of: spec([container()]), cpu: 0 },
    { name: "rounds fractions of a thousandth up", of: spec([container("0.0001")]), cpu: 1 },
  ])("$name", ({ of, cpu }) => {
    expect(podRequests(of).cpu).toBe(cpu);
  });

  test("the pod's own requests leave what they do not name to its containers", () => {
    const requests = podRequests(spec([container("1", "1Gi")], { resources: { requests: { cpu: "4" } } }));
    expect(requests.memory).toBe(1024 ** 3);
  });

  test("extended resources and huge pages are summed by name, the number of pods is not one of them", () => {
    const gpu = (count: string) =>
      container(undefined, undefined, { resources: { requests: { "a.io/gpu": count, pods: "9" } } });
    const requests = podRequests(spec([gpu("1"), gpu("2")]));
    expect([...requests.others]).toEqual([["a.io/gpu", 3]]);
    expect(amountOf(requests, "a.io/gpu")).toBe(3);
    expect(amountOf(requests, "b.io/gpu")).toBe(0);
  });

  test("while a container is resized the most of what is asked for, granted and in force counts", () => {
    const pod = samplePod({
      cpu: "1",
      status: {
        containerStatuses: [{ name: "c", allocatedResources: { cpu: "2" }, resources: { requests: { cpu: "3" } } }],
      } as never,
    });
    expect(placedRequests(pod).cpu).toBe(3000);
  });

  test("a resize that cannot be does not count", () => {
    const pod = samplePod({
      cpu: "8",
      status: {
        containerStatuses: [{ name: "c", allocatedResources: { cpu: "2" } }],
        conditions: [{ type: "PodResizePending", status: "True", reason: "Infeasible" }],
      } as never,
    });
    expect(placedRequests(pod).cpu).toBe(2000);
  });
});

describe("what a pod counts as in scores", () => {
  test("containers that ask for nothing count with assumed amounts", () => {
    const scored = scoredRequests(spec([container(), container("1", "1Gi")]));
    expect(scored).toMatchObject({ cpu: 1100, memory: 200 * 1024 ** 2 + 1024 ** 3 });
  });

  test("a request of zero is one", () => {
    expect(scoredRequests(spec([container("0", "0")]))).toMatchObject({ cpu: 0, memory: 0 });
  });
});
