import { expect, test } from "vitest";
import { nodeConfiguration } from "./configuration.ts";
import { kubeletFlagsOf } from "./kubelet-file.ts";

const head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

const whole = `${head}staticPodPath: /etc/manifests
staticPodURL: https://pods.test/
staticPodURLHeader:
  Authorization: ["Bearer secret"]
  Accept: [a, b]
fileCheckFrequency: 5s
maxPods: 30
podPidsLimit: 100
serializeImagePulls: true
evictionHard:
  memory.available: 200Mi
  nodefs.available: 5%
evictionSoft:
  memory.available: 1Gi
evictionSoftGracePeriod:
  memory.available: 1m30s
evictionMinimumReclaim:
  memory.available: 10Mi
systemReserved:
  cpu: 250m
  memory: 1Gi
kubeReserved:
  cpu: 250m
shutdownGracePeriod: 30s
shutdownGracePeriodCriticalPods: 10s
imageGCHighThresholdPercent: 70
imageGCLowThresholdPercent: 60
nodeStatusUpdateFrequency: 2s
`;

test("a kubelet's configuration file configures the node", () => {
  const { flags, unused } = kubeletFlagsOf(whole);
  expect(unused).toEqual([]);
  const configuration = nodeConfiguration(flags);
  expect(configuration).toMatchObject({
    manifests: {
      path: "/etc/manifests",
      url: "https://pods.test/",
      fileCheckEvery: 5000,
      urlHeaders: { Authorization: "Bearer secret", Accept: "b" },
    },
    images: { high: 70, low: 60 },
    shutdown: { all: 30_000, critical: 10_000 },
    statusEvery: 2000,
    maxPods: 30,
    podPids: 100,
    parallelPulls: 1,
    reserved: { cpu: 0.5, memory: 2 ** 30, ephemeralStorage: 0 },
  });
  expect(configuration.eviction.thresholds).toEqual(
    expect.arrayContaining([
      {
        signal: "memory.available",
        below: { amount: 200 * 2 ** 20 },
        graceMs: 0,
        minReclaim: { amount: 10 * 2 ** 20 },
      },
      { signal: "nodefs.available", below: { share: 0.05 }, graceMs: 0 },
      { signal: "memory.available", below: { amount: 2 ** 30 }, graceMs: 90_000, minReclaim: { amount: 10 * 2 ** 20 } },
    ]),
  );
});

test("what is configured is shown as such a file, secrets aside", () => {
  const { shown } = nodeConfiguration(kubeletFlagsOf(whole).flags);
  expect(shown).toMatchObject({
    kind: "KubeletConfiguration",
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    staticPodURLHeader: { Authorization: ["<masked>"], Accept: ["<masked>", "<masked>"] },
    evictionHard: { "memory.available": "200Mi", "nodefs.available": "5%" },
    evictionSoftGracePeriod: { "memory.available": "1m30s" },
    maxPods: 30,
    serializeImagePulls: true,
    httpCheckFrequency: "20s",
    evictionPressureTransitionPeriod: "5m0s",
  });
});

test("fields of upstream's that mean nothing here are named", () => {
  expect(kubeletFlagsOf(`${head}cpuManagerPolicy: static\nmaxPods: 5\n`)).toEqual({
    flags: { "max-pods": "5" },
    unused: ["cpuManagerPolicy"],
  });
});

test.each([
  { file: `${head}maxPod: 5\n`, says: 'strict decoding error: unknown field "maxPod"' },
  { file: `${head}maxPods: many\n`, says: 'maxPods: "many" is of the wrong type' },
  { file: `${head}evictionHard: [a]\n`, says: 'evictionHard: ["a"] is of the wrong type' },
  { file: "kind: Pod\napiVersion: v1\n", says: "not Pod of v1" },
  { file: "a: [", says: "is no YAML" },
  { file: "- a\n", says: "is no object" },
])("$says", ({ file, says }) => {
  expect(() => kubeletFlagsOf(file)).toThrow(says);
});
