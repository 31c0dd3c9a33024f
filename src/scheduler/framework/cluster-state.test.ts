import { describe, expect, test } from "vitest";
import { livingPods } from "../plugins/pod-likeness.ts";
import { sampleCluster, sampleNode, samplePod } from "../testing/samples.ts";
import { zoneOf } from "./cluster-state.ts";
import { podInfo } from "./pod-info.ts";

const web = livingPods("default", "app=web", (labels) => labels?.app === "web");
const used = (cluster: ReturnType<typeof sampleCluster>, name: string) => cluster.node(name)?.cpu;

describe("a cluster's state", () => {
  test("counts placed pods on their nodes", () => {
    const cluster = sampleCluster(
      [sampleNode("a"), sampleNode("b")],
      [samplePod({ node: "a", cpu: "1" }), samplePod({ node: "a", cpu: "500m" })],
    );
    expect([used(cluster, "a"), used(cluster, "b")]).toEqual([1500, 0]);
  });

  test("takes back an assumption that failed", () => {
    const cluster = sampleCluster([sampleNode("a")]);
    const pod = samplePod({ cpu: "1" });
    cluster.assume(pod, "a");
    expect([used(cluster, "a"), cluster.isAssumed(pod.metadata.uid)]).toEqual([1000, true]);
    cluster.forget(pod.metadata.uid);
    expect([used(cluster, "a"), cluster.isAssumed(pod.metadata.uid)]).toEqual([0, false]);
  });

  test("an assumed pod that the API confirms counts once and stays when it is forgotten", () => {
    const cluster = sampleCluster([sampleNode("a")]);
    const pod = samplePod({ cpu: "1" });
    cluster.assume(pod, "a");
    cluster.setPod({ ...pod, spec: { ...pod.spec, nodeName: "a" } });
    cluster.forget(pod.metadata.uid);
    expect(used(cluster, "a")).toBe(1000);
  });

  test("an assumed pod that the API has on another node counts there", () => {
    const cluster = sampleCluster([sampleNode("a"), sampleNode("b")]);
    const pod = samplePod({ cpu: "1" });
    cluster.assume(pod, "a");
    cluster.setPod({ ...pod, spec: { ...pod.spec, nodeName: "b" } });
    expect([used(cluster, "a"), used(cluster, "b"), cluster.placeOf(pod.metadata.uid)]).toEqual([0, 1000, "b"]);
  });

  test("pods of a node that is not known yet count once it is", () => {
    const cluster = sampleCluster([], [samplePod({ node: "a", cpu: "1", labels: { app: "web" } })]);
    const count = cluster.index.count(web);
    expect(count.total).toBe(0);
    cluster.setNode(sampleNode("a"));
    expect([used(cluster, "a"), count.total]).toEqual([1000, 1]);
  });

  test("a homeless pod that is deleted does not come back with its node", () => {
    const pod = samplePod({ node: "a", cpu: "1" });
    const cluster = sampleCluster([], [pod]);
    cluster.removePod(pod.metadata.uid);
    cluster.setNode(sampleNode("a"));
    expect(used(cluster, "a")).toBe(0);
  });

  test("pods outlive the removal of their node and are there when it comes again", () => {
    const cluster = sampleCluster([sampleNode("a")], [samplePod({ node: "a", cpu: "1", labels: { app: "web" } })]);
    const count = cluster.index.count(web);
    cluster.removeNode("a");
    expect([cluster.nodes.length, count.total]).toEqual([0, 0]);
    cluster.setNode(sampleNode("b"));
    cluster.setNode(sampleNode("a"));
    expect([used(cluster, "a"), used(cluster, "b"), count.at(cluster.node("a")!.slot)]).toEqual([1000, 0, 1]);
  });

  test("a change of status alone keeps what was counted, and the newest form of the pod", () => {
    const pod = samplePod({ node: "a", cpu: "1", labels: { app: "web" } });
    const cluster = sampleCluster([sampleNode("a")], [pod]);
    const count = cluster.index.count(web);
    const later = { ...pod, status: { phase: "Running" } } as typeof pod;
    cluster.setPod(later);
    expect([used(cluster, "a"), count.total]).toEqual([1000, 1]);
    expect(cluster.node("a")?.pods.get(pod.metadata.uid)?.pod).toBe(later);
    cluster.removePod(pod.metadata.uid);
    expect([used(cluster, "a"), count.total]).toEqual([0, 0]);
  });

  test("a pod that is relabelled or told to go is counted anew", () => {
    const pod = samplePod({ node: "a", labels: { app: "web" } });
    const cluster = sampleCluster([sampleNode("a")], [pod]);
    const count = cluster.index.count(web);
    const relabelled = { ...pod, metadata: { ...pod.metadata, labels: { app: "db" } } };
    cluster.setPod(relabelled);
    expect(count.total).toBe(0);
    cluster.setPod(pod);
    expect(count.total).toBe(1);
    cluster.setPod({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } });
    expect(count.total).toBe(0);
  });

  test("what is supposed is forgotten again", () => {
    const there = samplePod({ node: "a", cpu: "1", labels: { app: "web" } });
    const cluster = sampleCluster([sampleNode("a")], [there]);
    const node = cluster.node("a")!;
    const count = cluster.index.count(web);
    const change = { gone: [podInfo(there)], there: [podInfo(samplePod({ cpu: "3" }))] };
    expect(cluster.supposing(node, change, () => [node.cpu, count.total, node.pods.size])).toEqual([3000, 0, 1]);
    expect([node.cpu, count.total, node.pods.size]).toEqual([1000, 1, 1]);
  });

  test("within a supposition pods are taken away and put back one by one, and new questions see it", () => {
    const pods = [1, 2].map(() => samplePod({ node: "a", cpu: "1", labels: { app: "web" } }));
    const cluster = sampleCluster([sampleNode("a")], pods);
    const node = cluster.node("a")!;
    const [one, two] = pods.map(podInfo);
    const seen = cluster.supposing(node, { gone: [one!, two!] }, ({ put, takeAway }) => {
      const none = [node.cpu, cluster.index.count(web).total];
      put(one!);
      const some = [node.cpu, cluster.index.count(web).total];
      takeAway(one!);
      put(two!);
      return [none, some, [node.cpu, [...node.pods.keys()]]];
    });
    expect(seen).toEqual([
      [0, 0],
      [1000, 1],
      [1000, [two!.uid]],
    ]);
    expect([node.cpu, node.pods.size, cluster.index.count(web).total]).toEqual([2000, 2, 2]);
  });

  test("nodes are listed zone by zone in turn", () => {
    const cluster = sampleCluster([
      sampleNode("a1", { zone: "a" }),
      sampleNode("a2", { zone: "a" }),
      sampleNode("b1", { zone: "b" }),
    ]);
    expect(cluster.nodes.map(({ name }) => name)).toEqual(["a1", "b1", "a2"]);
  });

  test("a zone's name includes its region, and the old labels count", () => {
    expect(zoneOf({ "topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": "z" })).toBe("r:z");
    expect(zoneOf({ "failure-domain.beta.kubernetes.io/zone": "z" })).toBe(":z");
    expect(zoneOf({})).toBe("");
  });
});
