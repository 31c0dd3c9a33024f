import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type JoinedNode, withKubeletFlags } from "./joined-node.ts";
import { withKubeletFile } from "./kubelet-flags.ts";

function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "navarch-kubelet-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "kubelet.yaml");
  writeFileSync(file, `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n${text}`);
  return file;
}

test("a flag counts for more than the kubelet's configuration file", () => {
  const config = fileWith("maxPods: 5\nfileCheckFrequency: 1s\nfeatureGates: {}\n");
  expect(withKubeletFile({ config, "max-pods": "7" })).toEqual({
    flags: { config, "max-pods": "7", "file-check-frequency": "1s" },
    unused: ["featureGates"],
  });
  expect(() => withKubeletFile({ config: "/nowhere/kubelet.yaml" })).toThrow("there is no file /nowhere/kubelet.yaml");
});

test("a joined node keeps its kubelet's flags, which later ones change", () => {
  const settings = { kubeletFlags: { "max-pods": "5", "eviction-hard": "memory.available<1Gi" } };
  const node = { name: "far", settings } as unknown as JoinedNode;
  expect(withKubeletFlags(node, undefined)).toBe(node);
  expect(withKubeletFlags(node, { "max-pods": "", "image-gc-low-threshold": "10" }).settings.kubeletFlags).toEqual({
    "eviction-hard": "memory.available<1Gi",
    "image-gc-low-threshold": "10",
  });
  expect(() => withKubeletFlags(node, { "max-pods": "some" })).toThrow("max-pods is a whole number");
  expect(() => withKubeletFlags(node, { "ingress-http-port": "1" })).toThrow(
    "the kubelet has no flag --ingress-http-port",
  );
});
