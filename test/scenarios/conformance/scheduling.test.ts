import { describe, expect, test } from "vitest";
import { ReplicaSet } from "../../../src/api/apps/replica-set.ts";
import { Node } from "../../../src/api/core/node.ts";
import { Pod } from "../../../src/api/core/pod.ts";
import { PriorityClass } from "../../../src/api/scheduling/priority-class.ts";
import { openStage, type Stage } from "./stage.ts";

const pod = (stage: Stage, name: string, spec: object = {}, container: object = {}, namespace = "default") =>
  stage.make(Pod, {
    metadata: { name, namespace },
    spec: { containers: [{ name: "c", image: "img:1", ...container }], ...spec },
  });
const cpu = (amount: string) => ({ resources: { requests: { cpu: amount } } });
const node = async (stage: Stage, name: string) => (await stage.get(Pod, name)).spec.nodeName;
const classes = async (stage: Stage) => {
  for (const [name, value] of [
    ["low", 1],
    ["mid", 100],
    ["high", 1000],
  ] as const) {
    await stage.client.create(PriorityClass, { metadata: { name }, value });
  }
};
const priority = (name: string) => ({ priorityClassName: name });
const one = [{ name: "n1", cpu: 4, memory: "8Gi", pods: 50 }];

describe("[sig-scheduling] SchedulerPredicates", () => {
  test("validates resource limits of pods that are allowed to run", async () => {
    await using stage = await openStage();
    for (const name of ["a", "b"]) await pod(stage, name, {}, cpu("2800m"));
    await pod(stage, "additional", {}, cpu("2"));
    await stage.rest();
    expect(new Set([await node(stage, "a"), await node(stage, "b")])).toEqual(new Set(["n1", "n2"]));
    expect(await node(stage, "additional")).toBeUndefined();
  });

  test("validates that NodeSelector is respected if matching", async () => {
    await using stage = await openStage();
    await stage.change(Node, "n2", { metadata: { labels: { "e2e.io/x": "42" } } });
    await pod(stage, "with-labels", { nodeSelector: { "e2e.io/x": "42" } });
    await stage.rest();
    expect(await node(stage, "with-labels")).toBe("n2");
  });

  test("validates that NodeSelector is respected if not matching", async () => {
    await using stage = await openStage();
    await pod(stage, "restricted", { nodeSelector: { label: "nonempty" } });
    await stage.rest();
    expect(await node(stage, "restricted")).toBeUndefined();
    const { status } = await stage.get(Pod, "restricted");
    expect(status?.conditions).toContainEqual(
      expect.objectContaining({ type: "PodScheduled", status: "False", reason: "Unschedulable" }),
    );
  });

  test("validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP", async () => {
    await using stage = await openStage(one);
    const port = (hostIP?: string) => ({
      ports: [{ containerPort: 80, hostPort: 54322, protocol: "TCP", ...(hostIP ? { hostIP } : {}) }],
    });
    await pod(stage, "pod4", {}, port());
    await stage.rest();
    await pod(stage, "pod5", {}, port("127.0.0.1"));
    await stage.rest();
    expect([await node(stage, "pod4"), await node(stage, "pod5")]).toEqual(["n1", undefined]);
  });
});

describe("[sig-scheduling] SchedulerPreemption", () => {
  test("PreemptionExecutionPath runs ReplicaSets to verify preemption running path", async () => {
    await using stage = await openStage(one);
    await classes(stage);
    const set = (name: string, replicas: number, amount: string, level: string) =>
      stage.make(ReplicaSet, {
        metadata: { name },
        spec: {
          replicas,
          selector: { matchLabels: { name } },
          template: {
            metadata: { labels: { name } },
            spec: { containers: [{ name: "c", image: "img:1", ...cpu(amount) }], priorityClassName: level },
          },
        },
      });
    await set("rs-low", 4, "1", "low");
    await stage.rest();
    await set("rs-high", 2, "1500m", "high");
    await stage.rest(10);
    const ready = async (name: string) => (await stage.get(ReplicaSet, name)).status?.readyReplicas ?? 0;
    expect([await ready("rs-high"), await ready("rs-low")]).toEqual([2, 1]);
  });

  test("PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods", async () => {
    await using stage = await openStage(one);
    await classes(stage);
    const high = await stage.get(PriorityClass, "high");
    await expect(stage.change(PriorityClass, "high", { value: 999 })).rejects.toMatchObject({ reason: "Invalid" });
    await expect(stage.client.update(PriorityClass, { ...high, value: 999 })).rejects.toMatchObject({
      reason: "Invalid",
    });
    await stage.change(PriorityClass, "high", { description: "for what cannot wait" });
    const known = await stage.get(PriorityClass, "high");
    await stage.client.update(PriorityClass, { ...known, description: "for what must run" });
    const all = (await stage.client.list(PriorityClass)).items;
    expect(all.find(({ metadata }) => metadata.name === "high")?.description).toBe("for what must run");
    await stage.remove(PriorityClass, "high");
    expect(await stage.exists(PriorityClass, "high")).toBe(false);
  });

  test("validates basic preemption works", async () => {
    await using stage = await openStage();
    await classes(stage);
    await pod(stage, "low", priority("low"), cpu("3"));
    await pod(stage, "mid", priority("mid"), cpu("3"));
    await stage.rest();
    await pod(stage, "preemptor", priority("high"), cpu("3"));
    await stage.rest();
    expect(await stage.exists(Pod, "low")).toBe(false);
    expect([await stage.exists(Pod, "mid"), (await stage.get(Pod, "preemptor")).status?.phase]).toEqual([
      true,
      "Running",
    ]);
  });

  test("validates lower priority pod preemption by critical pod", async () => {
    await using stage = await openStage(one);
    await classes(stage);
    await pod(stage, "low", priority("low"), cpu("3"));
    await stage.rest();
    await pod(stage, "critical", priority("system-cluster-critical"), cpu("3"), "kube-system");
    await stage.rest();
    expect(await stage.exists(Pod, "low")).toBe(false);
    const critical = await stage.client.get(Pod, { namespace: "kube-system", name: "critical" });
    expect(critical.spec.nodeName).toBe("n1");
  });

  test("validates pod disruption condition is added to the preempted pod", async () => {
    await using stage = await openStage(one);
    await classes(stage);
    const metadata = { name: "victim", finalizers: ["example.com/test-finalizer"] };
    const spec = { containers: [{ name: "c", image: "img:1", ...cpu("3") }], ...priority("low") };
    await stage.make(Pod, { metadata, spec });
    await stage.rest();
    await pod(stage, "preemptor", priority("high"), cpu("3"));
    await stage.rest();
    expect((await stage.get(Pod, "victim")).status?.conditions).toContainEqual(
      expect.objectContaining({ type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler" }),
    );
  });
});
