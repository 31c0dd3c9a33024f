import { describe, expect, it } from "vitest";
import type * as core from "../generated/core-v1.ts";
import { qosClassOf } from "./qos.ts";

const full = { cpu: "1", memory: "1Gi" };
const spec = (...list: readonly core.ResourceRequirements[]): core.PodSpec => ({
  containers: list.map((resources, index) => ({ name: `c${index}`, image: "i", resources })),
});

describe("quality of service", () => {
  it.each([
    ["nothing is asked for", spec({}), "BestEffort"],
    ["only storage is asked for", spec({ requests: { "ephemeral-storage": "1Gi" } }), "BestEffort"],
    ["what is asked for is zero", spec({ requests: { cpu: "0" }, limits: { memory: "0" } }), "BestEffort"],
    [
      "requests equal limits, whatever their form",
      spec({ requests: full, limits: { cpu: "1000m", memory: "1024Mi" } }),
      "Guaranteed",
    ],
    ["memory is not limited", spec({ requests: full, limits: { cpu: "1" } }), "Burstable"],
    [
      "less is asked for than is allowed",
      spec({ requests: { cpu: "500m", memory: "1Gi" }, limits: full }),
      "Burstable",
    ],
    ["one of two containers asks for nothing", spec({ requests: full, limits: full }, {}), "Burstable"],
    [
      "the pod as a whole has equal requests and limits",
      { ...spec({}), resources: { requests: full, limits: full } },
      "Guaranteed",
    ],
  ] as const)("is right when %s", (_when, given, wanted) => {
    expect(qosClassOf(given)).toBe(wanted);
  });
});
