import { expect, test } from "vitest";
import { sampleContainer, samplePod } from "../testing/samples.ts";
import { memorySizeOf } from "./memory-size.ts";

const limited = samplePod(
  { containers: [sampleContainer({ resources: { limits: { memory: "64Mi" }, requests: { memory: "1Mi" } } })] },
  { status: { qosClass: "Burstable" } },
);
test.each([
  { name: "what the node has for pods", pod: samplePod(), sizeLimit: undefined, size: 1000 },
  { name: "what its pod is limited to", pod: limited, sizeLimit: undefined, size: 64 * 2 ** 20 },
  { name: "what is declared where that is less", pod: limited, sizeLimit: "1Mi", size: 2 ** 20 },
  { name: "no more than its pod where more is declared", pod: limited, sizeLimit: "1Gi", size: 64 * 2 ** 20 },
  { name: "as without a limit for one of 0", pod: samplePod(), sizeLimit: "0", size: 1000 },
])("a folder in memory holds $name", ({ pod, sizeLimit, size }) => {
  const emptyDir = { medium: "Memory" as const, ...(sizeLimit === undefined ? {} : { sizeLimit }) };
  expect(memorySizeOf(pod, { name: "v", emptyDir }, 1000)).toBe(size);
});
