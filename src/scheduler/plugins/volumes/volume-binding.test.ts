import { describe, expect, test } from "vitest";
import type { Client, Informers } from "../../../client/client.ts";
import { VirtualClock } from "../../../lib/virtual-clock.ts";
import { passing, sampleCluster, sampleNode, samplePod, verdicts } from "../../testing/samples.ts";
import {
  type SampleVolumes,
  sampleCatalogue,
  sampleClaim,
  sampleClass,
  sampleVolume,
  usingClaims,
} from "./sample-volumes.ts";
import { volumeBinding } from "./volume-binding.ts";

const cluster = sampleCluster([sampleNode("n1", { zone: "x" }), sampleNode("n2", { zone: "y" })]);
const open = (given: SampleVolumes) =>
  volumeBinding({
    client: {} as Client,
    informers: {} as Informers,
    clock: new VirtualClock(),
    catalogue: sampleCatalogue(given),
  });
const using = (...claims: string[]) => samplePod({ spec: usingClaims(...claims) });
const waits = { storageClassName: "wait" };
const classes = [sampleClass("wait"), sampleClass("made", { provisioner: "x.io" })];
const reasons = (given: SampleVolumes, ...claims: string[]) =>
  Object.values(verdicts(open(given), using(...claims), cluster)).map((verdict) => verdict?.reasons[0]);

describe("before any node is looked at", () => {
  test.each([
    { name: "a claim that is not there", given: {}, text: 'persistentvolumeclaim "c" not found' },
    {
      name: "a claim that is bound at once, but is not yet",
      given: { claims: [sampleClaim("c")] },
      text: "pod has unbound immediate PersistentVolumeClaims",
    },
    {
      name: "a claim that is being deleted",
      given: { claims: [sampleClaim("c", {}, { deletionTimestamp: "2026-01-01T00:00:00Z" })] },
      text: 'persistentvolumeclaim "c" is being deleted',
    },
    {
      name: "a claim that has lost its volume",
      given: { claims: [{ ...sampleClaim("c", { volumeName: "v" }), status: { phase: "Lost" as const } }] },
      text: 'persistentvolumeclaim "c" bound to non-existent persistentvolume "v"',
    },
  ])("$name refuses all", ({ given, text }) => {
    expect(open(given).prepareFilter?.(using("c"), cluster)).toMatchObject({
      kind: "rejected",
      rejection: { reasons: [text], preemptionHelps: false },
    });
  });

  test("an ephemeral volume's claim must be there, and be the pod's own", () => {
    const pod = samplePod({ name: "p", spec: { volumes: [{ name: "v", ephemeral: {} }] } as never });
    const text = (given: SampleVolumes) => {
      const prepared = open(given).prepareFilter?.(pod, cluster);
      return prepared?.kind === "rejected" ? prepared.rejection.reasons[0] : prepared?.kind;
    };
    expect(text({})).toBe('waiting for ephemeral volume controller to create the persistentvolumeclaim "p-v"');
    expect(text({ claims: [sampleClaim("p-v")] })).toBe(
      "PVC default/p-v was not created for pod default/p (pod is not owner)",
    );
    const owned = { ownerReferences: [{ controller: true, uid: pod.metadata.uid }] };
    expect(text({ classes, claims: [sampleClaim("p-v", waits, owned)] })).toBe("ready");
  });

  test("a pod without claims is nobody's business", () => {
    expect(open({}).prepareFilter?.(samplePod(), cluster)).toEqual({ kind: "skip" });
  });
});

describe("node by node", () => {
  test("bound volumes are used where they are", () => {
    const claims = [sampleClaim("c", { volumeName: "v" })];
    expect(reasons({ claims, volumes: [sampleVolume("v", {}, ["n2"])] }, "c")).toEqual([
      "node(s) didn't match PersistentVolume's node affinity",
      undefined,
    ]);
    expect(reasons({ claims }, "c")[0]).toBe(
      "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
    );
  });

  test("a waiting claim needs a volume that suits it on the node", () => {
    const claims = [sampleClaim("c", waits)];
    const none = "node(s) didn't find available persistent volumes to bind";
    expect(reasons({ classes, claims }, "c")).toEqual([none, none]);
    expect(reasons({ classes, claims, volumes: [sampleVolume("v", waits, ["n2"])] }, "c")).toEqual([none, undefined]);
    const taken = { ...waits, claimRef: { namespace: "default", name: "other" } };
    expect(reasons({ classes, claims, volumes: [sampleVolume("v", taken)] }, "c")).toEqual([none, none]);
  });

  test("two claims need two volumes", () => {
    const claims = [sampleClaim("c", waits), sampleClaim("d", waits)];
    const one = { classes, claims, volumes: [sampleVolume("v", waits)] };
    expect(passing(open(one), using("c", "d"), cluster)).toEqual([]);
    expect(
      passing(
        open({ ...one, volumes: [sampleVolume("v", waits), sampleVolume("w", waits)] }),
        using("c", "d"),
        cluster,
      ),
    ).toHaveLength(2);
  });

  test("a class that makes volumes does so where it can", () => {
    const claims = [sampleClaim("c", { storageClassName: "made" })];
    expect(passing(open({ classes, claims }), using("c"), cluster)).toEqual(["n1", "n2"]);
    const allowedTopologies = [{ matchLabelExpressions: [{ key: "topology.kubernetes.io/zone", values: ["y"] }] }];
    const zonal = [sampleClass("made", { provisioner: "x.io", allowedTopologies })];
    expect(passing(open({ classes: zonal, claims }), using("c"), cluster)).toEqual(["n2"]);
  });

  test("a driver that tells its capacity must have room near the node", () => {
    const claims = [sampleClaim("c", { storageClassName: "made" })];
    const drivers = [{ metadata: { name: "x.io" }, spec: { storageCapacity: true } }] as never;
    const capacity = (zone: string, size: string) => ({
      storageClassName: "made",
      capacity: size,
      nodeTopology: { matchLabels: { "topology.kubernetes.io/zone": zone } },
    });
    const capacities = [capacity("x", "500Mi"), capacity("y", "5Gi")] as never;
    expect(reasons({ classes, claims, drivers, capacities }, "c")).toEqual([
      "node(s) did not have enough free storage",
      undefined,
    ]);
  });

  test("a claim for which a node was chosen before goes there", () => {
    const chosen = { annotations: { "volume.kubernetes.io/selected-node": "n2" } };
    const claims = [sampleClaim("c", { storageClassName: "made" }, chosen)];
    expect(passing(open({ classes, claims }), using("c"), cluster)).toEqual(["n2"]);
  });
});

describe("reserving", () => {
  const claims = [sampleClaim("c", waits), sampleClaim("d", waits)];
  test("a volume that is promised to one pod is not there for the next, until it is given back", () => {
    const plugin = open({ classes, claims, volumes: [sampleVolume("v", waits)] });
    const first = using("c");
    const prepared = plugin.prepareFilter?.(first, cluster);
    if (prepared?.kind !== "ready") throw new Error("not ready");
    expect(plugin.reserve?.(first, cluster.nodes[0]!, prepared.state)).toBeUndefined();
    expect(passing(plugin, using("d"), cluster)).toEqual([]);
    plugin.unreserve?.(first, "n1");
    expect(passing(plugin, using("d"), cluster)).toHaveLength(2);
  });
});
