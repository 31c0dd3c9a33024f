import { describe, expect, test } from "vitest";
import { passing, sampleCluster, sampleNode, samplePod, verdicts } from "../../testing/samples.ts";
import { nodeVolumeLimits } from "./node-volume-limits.ts";
import { sampleCatalogue, sampleClaim, sampleClass, sampleVolume, usingClaims } from "./sample-volumes.ts";
import { volumeRestrictions, volumeZone } from "./volume-rules.ts";

const zone = "topology.kubernetes.io/zone";
const nodes = [sampleNode("n1", { zone: "x" }), sampleNode("n2", { zone: "y" }), sampleNode("n3")];

describe("VolumeRestrictions", () => {
  const disk = (readOnly: boolean, node?: string) =>
    samplePod({
      ...(node ? { node } : {}),
      spec: { volumes: [{ name: "v", gcePersistentDisk: { pdName: "d", readOnly } }] } as never,
    });
  const plugin = volumeRestrictions(
    sampleCatalogue({ claims: [sampleClaim("one", { accessModes: ["ReadWriteOncePod"] }), sampleClaim("many")] }),
  );

  test("a disk is mounted by one pod of a node, unless all only read it", () => {
    const cluster = sampleCluster(nodes, [disk(true, "n1")]);
    expect(passing(plugin, disk(true), cluster)).toContain("n1");
    expect(verdicts(plugin, disk(false), cluster)).toMatchObject({
      n1: { reasons: ["node(s) had no available disk"] },
      n2: undefined,
    });
  });

  test("a claim for one pod is used by one pod, wherever it is", () => {
    const cluster = sampleCluster(nodes, [samplePod({ node: "n1", spec: usingClaims("one", "many") })]);
    const { n3 } = verdicts(plugin, samplePod({ spec: usingClaims("one") }), cluster);
    expect(n3).toEqual({
      reasons: ["node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"],
      preemptionHelps: true,
    });
    expect(passing(plugin, samplePod({ spec: usingClaims("many") }), cluster)).toHaveLength(3);
    expect(passing(plugin, samplePod({ namespace: "other", spec: usingClaims("one") }), cluster)).toHaveLength(3);
  });
});

describe("VolumeZone", () => {
  const plugin = volumeZone(
    sampleCatalogue({
      claims: [
        sampleClaim("c", { volumeName: "v" }),
        sampleClaim("d", { volumeName: "w" }),
        sampleClaim("e", { storageClassName: "wait" }),
      ],
      volumes: [
        sampleVolume("v", {}, [], { [zone]: "y" }),
        sampleVolume("w", {}, [], { "failure-domain.beta.kubernetes.io/zone": "x__y" }),
      ],
      classes: [sampleClass("wait")],
    }),
  );
  const cluster = sampleCluster(nodes);

  test("a volume is used in its zone, and on nodes that are in none", () => {
    expect(verdicts(plugin, samplePod({ spec: usingClaims("c") }), cluster)).toMatchObject({
      n1: { reasons: ["node(s) had no available volume zone"], preemptionHelps: false },
      n2: undefined,
      n3: undefined,
    });
  });

  test("one of several zones is enough, under the old label too", () => {
    expect(passing(plugin, samplePod({ spec: usingClaims("d") }), cluster)).toHaveLength(3);
  });

  test("a claim that waits for its pod has no zone yet", () => {
    expect(plugin.prepareFilter?.(samplePod({ spec: usingClaims("e") }), cluster)).toEqual({ kind: "skip" });
  });
});

describe("NodeVolumeLimits", () => {
  const csi = (name: string) => sampleVolume(name, { csi: { driver: "x.io", volumeHandle: `h-${name}` } });
  const claims = ["a", "b", "c"].map((name) => sampleClaim(name, { volumeName: name }));
  const volumes = ["a", "b", "c"].map(csi);
  const limited = [
    { metadata: { name: "n1" }, spec: { drivers: [{ name: "x.io", nodeID: "n1", allocatable: { count: 2 } }] } },
  ] as never;
  const cluster = sampleCluster(nodes, [samplePod({ node: "n1", spec: usingClaims("a") })]);
  const plugin = nodeVolumeLimits(sampleCatalogue({ claims, volumes, nodes: limited }));

  test("a node attaches so many volumes and no more", () => {
    expect(passing(plugin, samplePod({ spec: usingClaims("b") }), cluster)).toHaveLength(3);
    expect(verdicts(plugin, samplePod({ spec: usingClaims("b", "c") }), cluster)).toMatchObject({
      n1: { reasons: ["node(s) exceed max volume count"] },
      n2: undefined,
    });
  });

  test("a volume that is there already needs no more room", () => {
    expect(passing(plugin, samplePod({ spec: usingClaims("a", "b") }), cluster)).toHaveLength(3);
  });

  test("attachments count without a pod, claims to come by their class's driver", () => {
    const attachments = [
      { spec: { attacher: "x.io", nodeName: "n1", source: { persistentVolumeName: "b" } } },
    ] as never;
    const coming = [...claims, sampleClaim("new", { storageClassName: "made" })];
    const classes = [sampleClass("made", { provisioner: "x.io" })];
    const full = nodeVolumeLimits(sampleCatalogue({ claims: coming, volumes, classes, attachments, nodes: limited }));
    expect(passing(full, samplePod({ spec: usingClaims("new") }), cluster)).not.toContain("n1");
    expect(passing(full, samplePod({ spec: usingClaims("b") }), cluster)).toContain("n1");
  });
});
