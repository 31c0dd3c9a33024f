import { describe, expect, test } from "vitest";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import type { PodSpec } from "../../api/generated/core-v1.ts";
import { sampleContainer } from "../testing/samples.ts";
import { openNode } from "../testing/worker-node.ts";

type NodeInTest = ReturnType<typeof openNode>;

const asking = (requests: Readonly<Record<string, string>>, more: Partial<PodSpec> = {}): Partial<PodSpec> => ({
  containers: [sampleContainer({ resources: { requests } })],
  ...more,
});
const guaranteed = (cpu: string): Partial<PodSpec> => {
  const amounts = { cpu, memory: "1M" };
  return { containers: [sampleContainer({ resources: { requests: amounts, limits: amounts } })] };
};
const listening = (hostPort: number, hostIP?: string): Partial<PodSpec> => ({
  containers: [sampleContainer({ ports: [{ containerPort: 80, hostPort, ...(hostIP ? { hostIP } : {}) }] })],
});
const changeNode = (node: NodeInTest, change: (given: Node) => Node) => node.api.change(Node, "node-1", change, "");
const critical = { priority: 2_000_000_000 };

function expectRefused(node: NodeInTest, name: string, reason: string, message: string): void {
  expect(node.status(name)).toMatchObject({ phase: "Failed", reason, message: `Pod was rejected: ${message}` });
  expect(node.status(name)?.containerStatuses).toBeUndefined();
  expect(node.events).toContain(`Warning ${reason} ${message}`);
}

describe("a pod bound to the node is refused", () => {
  const labelled = (key: string, value: string): Partial<PodSpec> => ({ nodeSelector: { [key]: value } });
  const strict = { securityContext: { supplementalGroupsPolicy: "Strict" } } as const;
  test.each([
    {
      name: "when it wants other labels",
      spec: labelled("disk", "ssd"),
      reason: "NodeAffinity",
      message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    },
    {
      name: "when it is for another node",
      spec: { nodeName: "node-2" },
      reason: "NodeName",
      message: "Predicate NodeName failed: node(s) didn't match the requested node name",
    },
    {
      name: "when it is for another system",
      spec: { os: { name: "windows" } } as const,
      reason: "PodOSNotSupported",
      message: "Failed to admit pod as the OS field doesn't match node OS",
    },
    {
      name: "when it wants its groups kept strictly and the runtime cannot",
      spec: strict,
      reason: "SupplementalGroupsPolicyNotSupported",
      message: "SupplementalGroupsPolicy=Strict is not supported in this node",
    },
    {
      name: "when it wants to be confined and the kernel cannot",
      spec: { containers: [sampleContainer({ securityContext: { appArmorProfile: { type: "RuntimeDefault" } } })] },
      reason: "AppArmor",
      message: "Cannot enforce AppArmor: AppArmor is not enabled on the host",
    },
    {
      name: "when it sets what may harm others in the kernel",
      spec: { securityContext: { sysctls: [{ name: "kernel.msgmax", value: "1" }] } },
      reason: "SysctlForbidden",
      message: 'forbidden sysctl: "kernel.msgmax" not allowlisted',
    },
  ])("$name", async ({ spec, reason, message }) => {
    const node = openNode();
    await node.create(spec);
    expectRefused(node, "web", reason, message);
    expect(node.calls).not.toContain("runSandbox");
  });

  test("not when the kernel can confine it, or it does not want that", async () => {
    const node = openNode({ appArmor: true });
    await node.create({ securityContext: { appArmorProfile: { type: "RuntimeDefault" } } });
    expect(node.ready()).toBe("True");
    const other = openNode();
    await other.create({ securityContext: { appArmorProfile: { type: "Unconfined" } } });
    expect(other.ready()).toBe("True");
  });

  test("when its own label says that it is for another system", async () => {
    const node = openNode();
    await node.create({}, undefined, { labels: { "kubernetes.io/os": "windows" } });
    const message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
    expectRefused(node, "web", "PodOSSelectorNodeLabelDoesNotMatch", message);
  });

  test("when it does not bear a taint by which pods must go, but whatever only keeps pods from being scheduled", async () => {
    const node = openNode();
    const taints = [{ key: "full", effect: "NoSchedule" as const }];
    changeNode(node, (given) => ({ ...given, spec: { taints } }));
    await node.create();
    expect(node.ready()).toBe("True");
    const more = [...taints, { key: "broken", effect: "NoExecute" as const }];
    changeNode(node, (given) => ({ ...given, spec: { taints: more } }));
    await node.create({}, undefined, { name: "late" });
    const message = "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate";
    expectRefused(node, "late", "TaintToleration", message);
    await node.create({ tolerations: [{ key: "broken", operator: "Exists" }] }, undefined, { name: "hardy" });
    await node.create({}, undefined, { name: "fixed", annotations: { "kubernetes.io/config.source": "file" } });
    expect([node.status("hardy")?.phase, node.status("fixed")?.phase]).toEqual(["Running", "Running"]);
  });

  test("when another has its port of the node, until that one has gone", async () => {
    const node = openNode();
    await node.create(listening(8080));
    await node.create(listening(8080, "192.0.2.1"), undefined, { name: "second" });
    const message = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
    expectRefused(node, "second", "NodePorts", message);
    await node.create(listening(8081), undefined, { name: "other" });
    await node.api.client.delete(Pod, { namespace: "default", name: "web" });
    await node.pass(40);
    await node.create(listening(8080), undefined, { name: "third" });
    expect([node.status("other")?.phase, node.status("third")?.phase]).toEqual(["Running", "Running"]);
  });

  test("when there is too little of a resource that the node is advertised to have; one nobody advertised does not count", async () => {
    const node = openNode();
    const allocatable = { "example.com/dongle": "2", "hugepages-2Mi": "0" };
    changeNode(node, (given) => ({ ...given, status: { allocatable } }));
    await node.create(asking({ "example.com/dongle": "2", "example.com/unknown": "5" }));
    expect(node.status()?.phase).toBe("Running");
    await node.create(asking({ "example.com/dongle": "1" }), undefined, { name: "second" });
    const amounts = "requested: 1, used: 2, capacity: 2";
    const message = `Node didn't have enough resource: example.com/dongle, ${amounts}`;
    expectRefused(node, "second", "OutOfexample.com/dongle", message);
    await node.create(asking({ "hugepages-2Mi": "2Mi" }), undefined, { name: "huge" });
    expect(node.status("huge")?.reason).toBe("OutOfhugepages-2Mi");
  });
});

test("a pod is refused while its node is in need or goes down, one that has begun is not", async () => {
  const reason = "NodeShutdown";
  const message = "Pod was rejected as the node is shutting down.";
  let goingDown = false;
  const node = openNode({ refusal: () => (goingDown ? { reason, message } : undefined) });
  await node.create();
  goingDown = true;
  await node.create({}, undefined, { name: "late" });
  expectRefused(node, "late", reason, message);
  await node.restartAgent();
  expect(node.ready()).toBe("True");
});

test("labels that the node has only just been given count", async () => {
  const staleNode = (): Node => ({ ...node.api.get(Node, "node-1")!, metadata: { ...bare, labels: {} } });
  const node = openNode({ staleNode });
  const bare = node.api.get(Node, "node-1")!.metadata;
  changeNode(node, (given) => ({ ...given, metadata: { ...given.metadata, labels: { disk: "ssd" } } }));
  await node.create({ nodeSelector: { disk: "ssd" } });
  expect(node.ready()).toBe("True");
});

test("a pod that has begun is not asked again by another agent", async () => {
  const node = openNode();
  changeNode(node, (given) => ({ ...given, metadata: { ...given.metadata, labels: { disk: "ssd" } } }));
  await node.create({ nodeSelector: { disk: "ssd" } });
  changeNode(node, (given) => ({ ...given, metadata: { ...given.metadata, labels: {} } }));
  await node.restartAgent();
  expect(node.ready()).toBe("True");
});

describe("a critical pod that finds no room", () => {
  const ended = {
    phase: "Failed",
    reason: "Preempting",
    message: "Preempted in order to admit critical pod",
  } as const;

  test("has others ended for it, and begins when they have", async () => {
    const node = openNode({ behaviour: { main: { stopDelayMs: 5000 } } });
    await node.create(asking({ cpu: "1500m" }), undefined, { name: "large" });
    await node.create(asking({ cpu: "300m" }), undefined, { name: "small" });
    await node.create(asking({ cpu: "1" }, critical));
    expect(node.events).toContain("Warning Preempting Preempted in order to admit critical pod");
    await node.pass(4);
    expect(node.container()).toBeUndefined();
    await node.pass(2);
    expect(node.status("large")).toMatchObject(ended);
    expect(node.status("large")?.conditions).toContainEqual(
      expect.objectContaining({
        type: "DisruptionTarget",
        status: "True",
        reason: "TerminationByKubelet",
        message: "Pod was preempted by Kubelet to accommodate a critical pod.",
      }),
    );
    expect([node.status("small")?.phase, node.status()?.phase]).toEqual(["Running", "Running"]);
    expect(await node.metrics.text()).toContain('kubelet_preemptions{preemption_signal="cpu"} 1');
  });

  test("has the room from then on, whoever comes while the others end", async () => {
    const node = openNode({ behaviour: { main: { stopDelayMs: 5000 } } });
    await node.create(asking({ cpu: "2" }), undefined, { name: "usual" });
    await node.create(asking({ cpu: "1500m" }, critical));
    await node.pass(4.99);
    await node.create(asking({ cpu: "1" }), undefined, { name: "early" });
    await node.pass(1);
    await node.create(asking({ cpu: "1" }), undefined, { name: "late" });
    await node.create(asking({ cpu: "500m" }), undefined, { name: "small" });
    expect(["early", "late"].map((name) => node.status(name)?.reason)).toEqual(["OutOfcpu", "OutOfcpu"]);
    expect([node.status()?.phase, node.status("small")?.phase]).toEqual(["Running", "Running"]);
  });

  test("is one of a file too, whatever its priority", async () => {
    const node = openNode();
    await node.create(asking({ cpu: "2" }), undefined, { name: "usual" });
    await node.create(asking({ cpu: "1" }), undefined, { annotations: { "kubernetes.io/config.source": "file" } });
    await node.pass(1);
    expect(node.status("usual")).toMatchObject(ended);
    expect(node.status()?.phase).toBe("Running");
  });

  test("has those spared that are guaranteed what they have", async () => {
    const node = openNode();
    await node.create(guaranteed("1"), undefined, { name: "sure" });
    await node.create(asking({ cpu: "1" }), undefined, { name: "usual" });
    await node.create(asking({ cpu: "1" }, critical));
    await node.pass(1);
    expect([node.status("sure")?.phase, node.status()?.phase]).toEqual(["Running", "Running"]);
    expect(node.status("usual")).toMatchObject(ended);
  });

  test("is refused when those that may end have too little", async () => {
    const node = openNode();
    await node.create(asking({ cpu: "1500m" }, critical), undefined, { name: "needed" });
    await node.create(asking({ cpu: "500m" }), undefined, { name: "usual" });
    await node.create(asking({ cpu: "1" }, critical));
    const why = "no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]";
    const message = `Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: ${why}`;
    expectRefused(node, "web", "UnexpectedAdmissionError", message);
    expect([node.status("needed")?.phase, node.status("usual")?.phase]).toEqual(["Running", "Running"]);
  });

  test("is refused without harm to others when more than room is missing", async () => {
    const node = openNode();
    await node.create(asking({ cpu: "2" }), undefined, { name: "usual" });
    await node.create(asking({ cpu: "1" }, { ...critical, nodeSelector: { disk: "ssd" } }));
    expect(node.status()?.reason).toBe("NodeAffinity");
    expect(node.status("usual")?.phase).toBe("Running");
  });

  test("can be deleted while it waits for their end", async () => {
    const node = openNode({ behaviour: { main: { stopDelayMs: 20_000 } } });
    await node.create(asking({ cpu: "2" }), undefined, { name: "usual" });
    await node.create(asking({ cpu: "1" }, critical));
    await node.api.client.delete(Pod, { namespace: "default", name: "web" });
    await node.pass(1);
    expect(node.pod()).toBeUndefined();
    await node.pass(20);
    expect(node.calls.filter((call) => call === "runSandbox")).toHaveLength(1);
  });
});

test("a pod that is not critical has nobody ended for it", async () => {
  const node = openNode();
  await node.create(asking({ cpu: "2" }), undefined, { name: "usual" });
  await node.create(asking({ cpu: "1" }, { priority: 1_000_000 }));
  expect(node.status()?.reason).toBe("OutOfcpu");
  expect(node.status("usual")?.phase).toBe("Running");
});
