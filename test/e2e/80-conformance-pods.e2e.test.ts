import { once } from "node:events";
import {
  type CoreV1Event,
  NodeV1Api,
  PatchStrategy,
  setHeaderOptions,
  type V1Pod,
  Watch,
} from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { eventually } from "./tools/eventually.ts";
import { containerOf, nameOf, Pods, shell, waits } from "./tools/pods.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";

/* The life of a pod as the API tells it, as upstream's conformance list names it. All pods run at once. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "conformance-pods");
const pods = new Pods(cluster, ns);
const waiting = { containers: [shell(waits)] };
const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
const patch = (pod: V1Pod, body: object) =>
  pods.core.patchNamespacedPod({ namespace: ns, name: nameOf(pod), body }, merge);
const found = async (labelSelector: string) =>
  (await pods.core.listNamespacedPod({ namespace: ns, labelSelector })).items;
const remove = (pod: V1Pod, gracePeriodSeconds?: number) =>
  pods.core.deleteNamespacedPod({ namespace: ns, name: nameOf(pod), gracePeriodSeconds });
const gone = (labelSelector: string) =>
  eventually(`no pod has ${labelSelector}`, async () => (await found(labelSelector)).length === 0, { every: 250 });

describe.concurrent("Pods", () => {
  test("should get a host IP", async () => {
    const pod = await pods.ready(await pods.create("hosted", waiting));
    const [node] = (await pods.core.listNode()).items;
    const addresses = node?.status?.addresses?.map(({ address }) => address);
    expect(addresses).toContain(pod.status?.hostIP);
    expect(pod.status?.hostIPs?.[0]?.ip).toBe(pod.status?.hostIP);
  });

  test("should be submitted and removed", async () => {
    const labels = { life: "whole" };
    const seen: string[] = [];
    const watching = await new Watch(pods.config).watch(
      `/api/v1/namespaces/${ns}/pods`,
      { labelSelector: "life=whole" },
      (type, pod: V1Pod) => seen.push(pod.metadata?.deletionTimestamp && type === "MODIFIED" ? "LEAVING" : type),
      () => undefined,
    );
    const pod = await pods.ready(await pods.create("whole", waiting, { labels }));
    expect(await found("life=whole")).toHaveLength(1);
    await remove(pod, 30);
    await eventually("the watch tells of its end", () => seen.at(-1) === "DELETED");
    watching.abort();
    expect([seen[0], seen.includes("LEAVING")]).toEqual(["ADDED", true]);
    expect(await found("life=whole")).toEqual([]);
  });

  test("should be updated", async () => {
    const pod = await pods.ready(await pods.create("changed", waiting, { labels: { time: "before" } }));
    expect(await found("time=before")).toHaveLength(1);
    await patch(pod, { metadata: { labels: { time: "after" } } });
    expect((await found("time=after")).map(nameOf)).toEqual([nameOf(pod)]);
    expect(await found("time=before")).toEqual([]);
  });

  test("should allow activeDeadlineSeconds to be updated", async () => {
    const pod = await pods.ready(await pods.create("deadline", waiting));
    await patch(pod, { spec: { activeDeadlineSeconds: 2 } });
    const { status } = await pods.ended(pod);
    expect(status).toMatchObject({
      phase: "Failed",
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    });
  });

  test("should contain environment variables for services", async () => {
    const { core, namespace } = pods;
    const { spec } = await core.createNamespacedService({
      namespace,
      body: { metadata: { name: "fooservice" }, spec: { ports: [{ port: 8765, targetPort: 8080 }] } },
    });
    const host = spec?.clusterIP;
    const wanted = [
      `FOOSERVICE_SERVICE_HOST=${host}`,
      "FOOSERVICE_SERVICE_PORT=8765",
      `FOOSERVICE_PORT=tcp://${host}:8765`,
      `FOOSERVICE_PORT_8765_TCP=tcp://${host}:8765`,
      "FOOSERVICE_PORT_8765_TCP_PROTO=tcp",
      "FOOSERVICE_PORT_8765_TCP_PORT=8765",
      `FOOSERVICE_PORT_8765_TCP_ADDR=${host}`,
    ];
    // The node has to have heard of the service before.
    await eventually("a pod is told", async () => {
      const said = await pods.output("told", { containers: [shell("env")] });
      expect(said.split("\n")).toEqual(expect.arrayContaining(wanted));
    });
  });

  test("should delete a collection of pods", async () => {
    const labels = { type: "Testing" };
    await Promise.all([1, 2, 3].map(() => pods.create("many", waiting, { labels })));
    expect(await found("type=Testing")).toHaveLength(3);
    await pods.core.deleteCollectionNamespacedPod({
      namespace: ns,
      labelSelector: "type=Testing",
      gracePeriodSeconds: 0,
    });
    await gone("type=Testing");
  });

  test("should support remote command execution over websockets", async () => {
    const pod = await pods.ready(await pods.create("commanded", waiting));
    const query = "command=sh&command=-c&command=echo+remote+execution+test&stdout=true&stderr=true";
    const messages = await messagesFrom(`/api/v1/namespaces/${ns}/pods/${nameOf(pod)}/exec?${query}`, "channel.k8s.io");
    const said = messages.filter((each) => each[0] === 1).map((each) => each.subarray(1));
    expect(Buffer.concat(said).toString()).toBe("remote execution test\n");
  });

  test("should support retrieving logs from the container over websockets", async () => {
    const pod = await pods.create("logged", { restartPolicy: "Never", containers: [shell("echo container is alive")] });
    await pods.ended(pod);
    const path = `/api/v1/namespaces/${ns}/pods/${nameOf(pod)}/log?container=main`;
    expect(Buffer.concat(await messagesFrom(path, "binary.k8s.io")).toString()).toBe("container is alive\n");
    const encoded = Buffer.concat(await messagesFrom(path, "base64.binary.k8s.io")).toString();
    expect(Buffer.from(encoded, "base64").toString()).toBe("container is alive\n");
  });

  /** Everything that a WebSocket says until the server ends it. */
  async function messagesFrom(path: string, protocol: string): Promise<readonly Buffer[]> {
    const options: { [name: string]: unknown } = {};
    await pods.config.applyToHTTPSOptions(options);
    const server = pods.config.getCurrentCluster()?.server.replace(/^http/, "ws");
    const ws = new WebSocket(`${server}${path}`, [protocol], options);
    const messages: Buffer[] = [];
    ws.on("message", (data: Buffer) => messages.push(data));
    await once(ws, "close");
    return messages;
  }

  const toBeSaid = { type: "StatusUpdate", status: "True", reason: "E2E", message: "Set from an e2e test" };

  test("should patch a pod status", async () => {
    const pod = await pods.ready(await pods.create("patched", waiting));
    const { namespace } = pods;
    const body = { status: { message: "Patched by e2e test", reason: "E2E" } };
    await pods.core.patchNamespacedPodStatus({ namespace, name: nameOf(pod), body }, merge);
    const { status } = await pods.core.readNamespacedPodStatus({ namespace, name: nameOf(pod) });
    expect(status).toMatchObject({ ...body.status, phase: "Running" });
  });

  test("should run through the lifecycle of Pods and PodStatus", async () => {
    const pod = await pods.ready(await pods.create("lived", waiting, { labels: { "test-pod-static": "true" } }));
    await patch(pod, { metadata: { labels: { "test-pod": "patched" } }, spec: { terminationGracePeriodSeconds: 1 } });
    const [patched] = await found("test-pod=patched");
    expect(nameOf(patched!)).toBe(nameOf(pod));
    const { namespace } = pods;
    const name = nameOf(pod);
    const said = await eventually("the status is replaced", async () => {
      const now = await pods.get(name);
      const conditions = [...(now.status?.conditions ?? []), toBeSaid];
      return await pods.core.replaceNamespacedPodStatus({
        namespace,
        name,
        body: { ...now, status: { ...now.status, conditions } },
      });
    });
    expect(said.status?.conditions).toContainEqual(expect.objectContaining(toBeSaid));
    // The node tells how the pod is, and leaves what others have said.
    await patch(pod, { spec: { activeDeadlineSeconds: 1000 } });
    await pods.until(pod, "keeps a condition of others", ({ metadata, status }) => {
      return (
        status?.observedGeneration === metadata?.generation &&
        status?.conditions?.some(({ type }) => type === toBeSaid.type) === true
      );
    });
    await pods.core.deleteCollectionNamespacedPod({ namespace: ns, labelSelector: "test-pod-static=true" });
    await gone("test-pod-static=true");
  });
});

describe.concurrent("Pods Extended", () => {
  test("a pod for another system is scheduled and then rejected by the node", async () => {
    const pod = await pods.ended(await pods.create("windows", { ...waiting, os: { name: "windows" } }));
    expect(pod.status).toMatchObject({
      phase: "Failed",
      reason: "PodOSNotSupported",
      message: "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS",
    });
  });

  test("Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu", async () => {
    const resources = { requests: { cpu: "100m", memory: "100Mi" }, limits: { cpu: "100m", memory: "100Mi" } };
    const pod = await pods.create("guaranteed", { containers: [shell(waits, { resources })] });
    expect(pod.status?.qosClass).toBe("Guaranteed");
    await remove(pod, 0);
  });
});

describe.concurrent("Pods Extended (pod generation) Pod Generation", () => {
  const observed = (pod: V1Pod, generation: number) =>
    pods.until(pod, `generation ${generation} is observed`, ({ status }) => status?.observedGeneration === generation);

  test("pod generation should start at 1 and increment per update", async () => {
    const initContainers = [{ ...shell("true"), name: "init" }];
    const pod = await pods.ready(await pods.create("counted", { ...waiting, initContainers }));
    expect(pod.metadata?.generation).toBe(1);
    const image = "navarch.local/test-server:1";
    const toleration = { key: "foo", operator: "Equal", value: "bar", effect: "NoSchedule" };
    const steps: readonly { readonly body: object; readonly raises: boolean }[] = [
      { body: {}, raises: false },
      { body: { spec: { tolerations: [...(pod.spec?.tolerations ?? []), toleration] } }, raises: true },
      { body: { spec: { activeDeadlineSeconds: 5000 } }, raises: true },
      { body: { spec: { initContainers: [{ ...pod.spec?.initContainers?.[0], image }] } }, raises: true },
      { body: { metadata: { annotations: { key: "value" } } }, raises: false },
      { body: { metadata: { generation: 1 } }, raises: false },
    ];
    let generation = 1;
    for (const { body, raises } of steps) {
      if (raises) generation += 1;
      expect((await patch(pod, body)).metadata?.generation, JSON.stringify(body)).toBe(generation);
      await observed(pod, generation);
    }
  });

  test("custom-set generation on new pods and graceful delete", async () => {
    const created = await pods.create("hundredth", waiting, { generation: 100 });
    expect(created.metadata?.generation).toBe(1);
    const pod = await pods.ready(created);
    expect((await remove(pod, 60)).metadata).toMatchObject({ generation: 2, deletionGracePeriodSeconds: 60 });
  });

  test("issue 500 podspec updates and verify generation and observedGeneration eventually converge", async () => {
    const pod = await pods.ready(await pods.create("often", { ...waiting, activeDeadlineSeconds: 5000 }));
    for (let change = 1; change < 500; change += 1)
      await patch(pod, { spec: { activeDeadlineSeconds: 5000 - change } });
    expect((await observed(pod, 500)).metadata?.generation).toBe(500);
  });
});

describe.concurrent("Ephemeral Containers", () => {
  const ephemeral = (name: string, script: string) => ({ ...shell(script), name, terminationMessagePolicy: "File" });
  const add = async (pod: V1Pod, ...ephemeralContainers: readonly object[]) => {
    const name = nameOf(pod);
    const now = await pods.get(name);
    const body = { ...now, spec: { ...now.spec, ephemeralContainers } } as V1Pod;
    await pods.core.replaceNamespacedPodEphemeralcontainers({ namespace: ns, name, body });
  };
  const runs = (pod: V1Pod, name: string) =>
    pods.until(pod, `${name} runs`, (now) => {
      return (
        now.status?.ephemeralContainerStatuses !== undefined && containerOf(now, name).state?.running !== undefined
      );
    });

  test("will start an ephemeral container in an existing pod", async () => {
    const pod = await pods.ready(await pods.create("debugged", waiting));
    await add(pod, ephemeral("debugger", `echo polo; ${waits}`));
    await runs(pod, "debugger");
    await eventually("it is heard", async () => expect(await pods.log(pod, "debugger")).toBe("polo\n"));
  });

  test("should update the ephemeral containers in an existing pod", async () => {
    const pod = await pods.ready(await pods.create("debugged-twice", waiting));
    const [one, two] = [ephemeral("debugger1", waits), ephemeral("debugger2", waits)];
    await add(pod, one);
    expect((await runs(pod, "debugger1")).spec?.ephemeralContainers).toHaveLength(1);
    await add(pod, one, two);
    const both = await runs(pod, "debugger2");
    expect(both.spec?.ephemeralContainers?.map(({ name }) => name)).toEqual(["debugger1", "debugger2"]);
    expect(containerOf(both, "debugger1").state?.running).toBeDefined();
  });
});

describe.concurrent("Events", () => {
  test("should be sent by kubelets and the scheduler about pods scheduling and running", async () => {
    const pod = await pods.ready(await pods.create("noticed", waiting));
    const fieldSelector = `involvedObject.name=${nameOf(pod)}`;
    const by = (event: CoreV1Event) => event.reportingComponent || event.source?.component;
    await eventually("both have told", async () => {
      const { items } = await pods.core.listNamespacedEvent({ namespace: ns, fieldSelector });
      const told = items.map((event) => `${by(event)} ${event.reason}`);
      expect(told).toEqual(expect.arrayContaining(["default-scheduler Scheduled", "kubelet Started"]));
    });
  });
});

describe.concurrent("RuntimeClass", () => {
  const api = pods.config.makeApiClient(NodeV1Api);
  const create = async (begin: string, more: object = {}) =>
    (await api.createRuntimeClass({ body: { metadata: { generateName: `${begin}-` }, handler: "runc", ...more } }))
      .metadata?.name ?? "";
  const refusal = (runtimeClassName: string) =>
    pods.create("classy", { ...waiting, runtimeClassName }).then(
      () => "accepted",
      (error: unknown) => String((error as { body?: string }).body),
    );

  test("should reject a Pod requesting a non-existent RuntimeClass", async () => {
    expect(await refusal("nonexistent")).toContain('pod rejected: RuntimeClass \\"nonexistent\\" not found');
  });

  test("should reject a Pod requesting a deleted RuntimeClass", async () => {
    const name = await create("deleted");
    await api.deleteRuntimeClass({ name });
    expect(
      await eventually("it is refused", async () => {
        const told = await refusal(name);
        return told !== "accepted" && told;
      }),
    ).toContain(`pod rejected: RuntimeClass \\"${name}\\" not found`);
  });

  test("should schedule a Pod requesting a RuntimeClass without PodOverhead", async () => {
    const name = await create("plain");
    const pod = await pods.ready(await pods.create("plain", { ...waiting, runtimeClassName: name }));
    expect(pod.spec?.overhead).toBeUndefined();
    await api.deleteRuntimeClass({ name });
  });

  test("should schedule a Pod requesting a RuntimeClass and initialize its Overhead", async () => {
    const name = await create("heavy", { overhead: { podFixed: { cpu: "10m", memory: "1Mi" } } });
    const pod = await pods.ready(await pods.create("heavy", { ...waiting, runtimeClassName: name }));
    expect(pod.spec?.overhead).toEqual({ cpu: "10m", memory: "1Mi" });
    await api.deleteRuntimeClass({ name });
  });
});
