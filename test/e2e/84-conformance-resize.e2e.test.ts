import { PatchStrategy, setHeaderOptions, type V1Pod, type V1ResourceRequirements } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { containerOf, nameOf, Pods, shell, waits } from "./tools/pods.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";

/* CPU and memory of containers that run, changed and changed back, as upstream's conformance list names it. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "conformance-resize");
const pods = new Pods(cluster, ns);

/** What a container asks for and may have: CPU in thousandths, memory in mebibytes. */
interface Amounts {
  readonly cpu?: number;
  readonly memory?: number;
  readonly cpuLimit?: number;
  readonly memoryLimit?: number;
}

function resourcesOf({ cpu, memory, cpuLimit, memoryLimit }: Amounts): V1ResourceRequirements {
  const given = (cores?: number, mebibytes?: number) => ({
    ...(cores === undefined ? {} : { cpu: `${cores}m` }),
    ...(mebibytes === undefined ? {} : { memory: `${mebibytes}Mi` }),
  });
  return { requests: given(cpu, memory), limits: given(cpuLimit, memoryLimit) };
}

const guaranteed = (cpu: number, memory: number): Amounts => ({ cpu, memory, cpuLimit: cpu, memoryLimit: memory });
const nameAt = (at: number) => `c${at + 1}`;
const create = (amounts: readonly Amounts[]) =>
  pods.create("resized", {
    containers: amounts.map((each, at) => ({ ...shell(waits), name: nameAt(at), resources: resourcesOf(each) })),
  });

/** What the control group of a container says, in the words of whichever version the machine has. */
async function limitsSeenBy(pod: V1Pod, container: string): Promise<Amounts> {
  const files = ["cpu/cpu.cfs_quota_us", "cpu.max", "memory/memory.limit_in_bytes", "memory.max"];
  const script = `cd /sys/fs/cgroup; for file in ${files.join(" ")}; do [ ! -e $file ] || echo $file $(cat $file); done`;
  const said = await cluster.kubectl("exec", "-n", ns, nameOf(pod), "-c", container, "--", "sh", "-c", script);
  const seen = new Map(
    said
      .trim()
      .split("\n")
      .map((line) => [line.split(" ")[0], Number(line.split(" ")[1])]),
  );
  const quota = seen.get("cpu/cpu.cfs_quota_us") ?? seen.get("cpu.max") ?? 0;
  const bytes = seen.get("memory/memory.limit_in_bytes") ?? seen.get("memory.max") ?? 0;
  return {
    ...(quota > 0 ? { cpuLimit: quota / 100 } : {}),
    // Without a limit the first version tells of more than there is.
    ...(bytes > 0 && bytes < 2 ** 60 ? { memoryLimit: bytes / 2 ** 20 } : {}),
  };
}

/** Waits until the pod's status and its control groups are as declared; no container was restarted. */
async function actuated(pod: V1Pod, amounts: readonly Amounts[]): Promise<void> {
  const now = await pods.until(pod, "has what it is declared to have", ({ metadata, status }) => {
    const settled = !status?.conditions?.some(({ type }) => type.startsWith("PodResize"));
    return (
      settled &&
      status?.observedGeneration === metadata?.generation &&
      amounts.every((each, at) =>
        sameAs(status?.containerStatuses?.find(({ name }) => name === nameAt(at))?.resources, each),
      )
    );
  });
  for (const [at, { cpuLimit, memoryLimit }] of amounts.entries()) {
    expect(containerOf(now, nameAt(at)).restartCount).toBe(0);
    // The kernel gives no less than a hundredth of a core.
    const wanted = {
      ...(cpuLimit ? { cpuLimit: Math.max(10, cpuLimit) } : {}),
      ...(memoryLimit ? { memoryLimit } : {}),
    };
    expect(await limitsSeenBy(now, nameAt(at))).toEqual(wanted);
  }
}

function sameAs(told: V1ResourceRequirements | undefined, amounts: Amounts): boolean {
  const { requests = {}, limits = {} } = resourcesOf(amounts);
  const same = (one: object = {}, other: object) =>
    JSON.stringify(Object.entries(one).toSorted()) === JSON.stringify(Object.entries(other).toSorted());
  return same(told?.requests, requests) && same(told?.limits, limits);
}

const resize = (pod: V1Pod, amounts: readonly Amounts[]) =>
  pods.core.patchNamespacedPodResize(
    {
      namespace: ns,
      name: nameOf(pod),
      body: { spec: { containers: amounts.map((each, at) => ({ name: nameAt(at), resources: resourcesOf(each) })) } },
    },
    setHeaderOptions("Content-Type", PatchStrategy.StrategicMergePatch),
  );

async function thereAndBack(before: readonly Amounts[], after: readonly Amounts[]): Promise<void> {
  const pod = await thereOnly(before, after);
  await resize(pod, before);
  await actuated(pod, before);
}

async function thereOnly(before: readonly Amounts[], after: readonly Amounts[]): Promise<V1Pod> {
  const pod = await pods.ready(await create(before));
  await actuated(pod, before);
  await resize(pod, after);
  await actuated(pod, after);
  return pod;
}

describe.concurrent("Pod InPlace Resize Container", () => {
  const three = [guaranteed(20, 35), guaranteed(21, 36), guaranteed(22, 37)];

  test("guaranteed pods with multiple containers 3 containers - increase cpu & mem on c1, c2, decrease cpu & mem on c3 - net increase", async () => {
    await thereAndBack(three, [guaranteed(30, 45), guaranteed(31, 46), guaranteed(15, 30)]);
  });

  test("guaranteed pods with multiple containers 3 containers - increase cpu & mem on c1, decrease cpu & mem on c2, c3 - net decrease", async () => {
    await thereAndBack(three, [guaranteed(25, 40), guaranteed(13, 28), guaranteed(14, 29)]);
  });

  test("guaranteed pods with multiple containers 3 containers - increase: CPU (c1,c3), memory (c2, c3) ; decrease: CPU (c2)", async () => {
    await thereAndBack(three, [guaranteed(30, 35), guaranteed(14, 46), guaranteed(32, 47)]);
  });

  test("burstable pods - extended 6 containers - various operations performed (including adding limits and requests)", async () => {
    const before: readonly Amounts[] = [
      { cpu: 20 },
      { memory: 35 },
      { cpu: 20, memory: 35 },
      { cpu: 20 },
      { memory: 35 },
      {},
    ];
    await thereOnly(before, [
      { cpu: 30, cpuLimit: 60 },
      { memory: 30, memoryLimit: 60 },
      { cpu: 20, memory: 30 },
      { cpu: 15, memory: 35 },
      { cpu: 20, memory: 45 },
      { cpu: 20, memory: 35 },
    ]);
  });

  test("burstable pods - extended resize with equivalents", async () => {
    await thereAndBack([{ cpu: 2, cpuLimit: 10 }], [{ cpu: 1, cpuLimit: 5 }]);
  });

  test("resize pod via the replace endpoint", async () => {
    const pod = await pods.ready(await create([{ cpu: 20, memory: 35 }]));
    expect(pod.metadata?.generation).toBe(1);
    const [container] = pod.spec?.containers ?? [];
    const changed = { ...container!, resources: resourcesOf({ cpu: 30, memory: 45 }) };
    const body = { ...pod, spec: { ...pod.spec!, containers: [changed] } };
    const at = { namespace: ns, name: nameOf(pod) };
    // Its status may be told anew at any time.
    delete body.metadata?.resourceVersion;
    await pods.core.replaceNamespacedPodResize({ ...at, body });
    expect((await pods.get(nameOf(pod))).metadata?.generation).toBe(2);
    await actuated(pod, [{ cpu: 30, memory: 45 }]);
    const [own, other] = await Promise.all([pods.get(nameOf(pod)), pods.core.readNamespacedPodResize(at)]);
    expect(other).toEqual(own);
  });

  test.each([
    {
      name: "that would change its QoS class is refused",
      before: [{}],
      after: [{ memory: 35 }],
      why: "Pod QOS Class may not change as a result of resizing",
    },
    {
      name: "that takes limits away is refused",
      before: [{ cpu: 20, cpuLimit: 30 }],
      after: [{ cpu: 20 }],
      why: "resource limits cannot be removed",
    },
  ])("a resize $name", async ({ before, after, why }) => {
    const pod = await create(before);
    const body = [{ op: "replace", path: "/spec/containers/0/resources", value: resourcesOf(after[0]!) }];
    const refused = await pods.core
      .patchNamespacedPodResize(
        { namespace: ns, name: nameOf(pod), body },
        setHeaderOptions("Content-Type", PatchStrategy.JsonPatch),
      )
      .then(
        () => "accepted",
        (error: unknown) => String((error as { body?: string }).body),
      );
    expect(refused).toContain(why);
  });
});
