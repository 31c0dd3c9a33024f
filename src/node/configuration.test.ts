import { expect, test } from "vitest";
import { nodeConfiguration } from "./configuration.ts";

test("without flags a node has upstream's values", () => {
  const { eviction, images, logs, manifests, shutdown } = nodeConfiguration({});
  expect(eviction).toMatchObject({ transitionMs: 300_000, maxPodGraceSeconds: 0 });
  expect(eviction.thresholds).toHaveLength(5);
  expect(images).toEqual({ high: 85, low: 80, minAge: 120_000, maxAge: 0 });
  expect(logs).toEqual({ maxBytes: 10 * 2 ** 20, maxFiles: 5 });
  expect(manifests).toEqual({ fileCheckEvery: 20_000, urlCheckEvery: 20_000, urlHeaders: {} });
  expect(shutdown).toEqual({ all: 0, critical: 0 });
});

test.each<{ readonly flags: Readonly<Record<string, string>>; readonly says: string }>([
  { flags: { "image-gc-low-threshold": "90" }, says: "image-gc-low-threshold 90 must be less than" },
  { flags: { "image-gc-high-threshold": "101" }, says: "shares from 0 to 100" },
  { flags: { "container-log-max-files": "1" }, says: "container-log-max-files 1 must be more than 1" },
  { flags: { "container-log-max-size": "big" }, says: 'container-log-max-size "big" is no quantity' },
  { flags: { "shutdown-grace-period-critical-pods": "5s" }, says: "must be at most shutdown-grace-period" },
  { flags: { "file-check-frequency": "often" }, says: 'file-check-frequency "often" is no duration' },
  { flags: { "system-reserved": "gpu=1" }, says: 'system-reserved: cannot reserve "gpu"' },
  { flags: { "kube-reserved": "cpu=much" }, says: 'kube-reserved "much" is no quantity' },
  { flags: { "max-parallel-image-pulls": "0" }, says: "max-parallel-image-pulls must be greater than 0" },
  {
    flags: { "max-parallel-image-pulls": "2", "serialize-image-pulls": "true" },
    says: "cannot be larger than 1 unless serialize-image-pulls is false",
  },
  {
    flags: { "image-pull-credentials-verification-policy": "Sometimes" },
    says: 'image-pull-credentials-verification-policy "Sometimes" is not known',
  },
  {
    flags: { "preloaded-images-verification-allowlist": "registry.test/app" },
    says: "means nothing with the policy NeverVerifyPreloadedImages",
  },
  { flags: { "manifest-url-header": "secret" }, says: 'manifest-url-header "secret" is not name:value' },
])("$says", ({ flags, says }) => {
  expect(() => nodeConfiguration(flags)).toThrow(says);
});

test("it is chosen which images a pod must show that it may fetch", () => {
  const flag = "image-pull-credentials-verification-policy";
  const list = { "preloaded-images-verification-allowlist": "a.test/b,a.test/c/*" };
  expect(nodeConfiguration({}).imageVerification).toEqual({ policy: "NeverVerifyPreloadedImages" });
  expect(nodeConfiguration({ [flag]: "NeverVerify" }).imageVerification).toEqual({ policy: "NeverVerify" });
  expect(nodeConfiguration({ [flag]: "NeverVerifyAllowlistedImages", ...list }).imageVerification).toEqual({
    policy: "NeverVerifyAllowlistedImages",
    allowed: ["a.test/b", "a.test/c/*"],
  });
});

test("several headers go with the question for a URL", () => {
  const flags = { "manifest-url-header": "a:one,b:two:three" };
  expect(nodeConfiguration(flags).manifests.urlHeaders).toEqual({ a: "one", b: "two:three" });
});
