import { expect, test } from "vitest";
import { sampleCluster, sampleNode, samplePod, scores } from "../testing/samples.ts";
import { imageLocality } from "./image-locality.ts";

const megabyte = 1024 * 1024;
const plugin = imageLocality();
const withImage = (image: string) => samplePod({ spec: { containers: [{ name: "c", image }] as never } });

test("nodes that have a large image score higher, more so the more nodes have it", () => {
  const cluster = sampleCluster([
    sampleNode("a", { images: [{ names: ["web:1"], sizeBytes: 500 * megabyte }] }),
    sampleNode("b", { images: [{ names: ["db:latest"], sizeBytes: 2000 * megabyte }] }),
  ]);
  expect(scores(plugin, withImage("web:1"), cluster)).toEqual({ a: 23, b: 0 });
  expect(scores(plugin, withImage("db"), cluster)).toEqual({ a: 0, b: 100 });
  cluster.setNode(sampleNode("b", { images: [{ names: ["web:1"], sizeBytes: 500 * megabyte }] }));
  expect(scores(plugin, withImage("web:1"), cluster)).toEqual({ a: 48, b: 48 });
});

test("small images make no difference, and an image that nobody has is not scored", () => {
  const cluster = sampleCluster([
    sampleNode("a", { images: [{ names: ["tiny:1"], sizeBytes: 5 * megabyte }] }),
    sampleNode("b"),
  ]);
  expect(scores(plugin, withImage("tiny:1"), cluster)).toEqual({ a: 0, b: 0 });
  expect(scores(plugin, withImage("none:1"), cluster)).toBeUndefined();
});
