import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { PassThrough, Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigMap } from "../api/core/config-map.ts";
import { Event } from "../api/core/event.ts";
import { Pod } from "../api/core/pod.ts";
import { Secret } from "../api/core/secret.ts";
import { Service } from "../api/core/service.ts";
import type { Container, ContainerStatus, PodSpec } from "../api/generated/core-v1.ts";
import { connectExecWebSocket } from "../wire/exec-client.ts";
import { readText } from "../wire/pump.ts";
import { sandboxLabels } from "./runtime/labels.ts";
import { mountsBelow } from "./runtime/mounts.ts";
import { openRealNode, type RealNode } from "./testing/real-node.ts";

let node: RealNode;
beforeAll(async () => {
  node = await openRealNode(1);
}, 60_000);
afterAll(() => node.close(), 60_000);

const waits = "trap 'exit 0' TERM; sleep 10000 & wait";

/** Creates a pod with one container that runs a script. */
function create(name: string, script: string, spec: Partial<PodSpec> = {}, container: Partial<Container> = {}): void {
  const main = { name: "main", image: node.image, imagePullPolicy: "IfNotPresent" } as const;
  node.api.put(Pod, {
    metadata: { name, labels: { app: name } },
    spec: {
      nodeName: node.name,
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 5,
      containers: [{ ...main, command: ["sh", "-c", script], ...container }],
      ...spec,
    },
    status: { phase: "Pending", qosClass: "BestEffort" },
  });
}

const pod = (name: string) => node.api.get(Pod, name);
const status = (name: string): ContainerStatus | undefined => pod(name)?.status?.containerStatuses?.[0];
const ready = (name: string) => pod(name)?.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
const until = (holds: () => unknown, timeout = 20_000) => expect.poll(holds, { timeout, interval: 20 }).toBeTruthy();
const story = (name: string) =>
  node.api
    .all(Event)
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ reason, message }) => `${reason}: ${message}`);
const remove = async (name: string, gracePeriodSeconds = 5) => {
  await node.api.client.delete(Pod, { namespace: "default", name }, { gracePeriodSeconds });
  await until(() => !pod(name));
};

function get(path: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const options = { rejectUnauthorized: false, headers: { authorization: "Bearer secret" } };
    const call = request(`${node.server}${path}`, options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    call.on("error", reject);
    call.end();
  });
}

async function exec(name: string, command: readonly string[], input = "") {
  const query = new URLSearchParams([...command.map((word) => ["command", word]), ["output", "1"], ["error", "1"]]);
  if (input) query.append("input", "1");
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = Promise.all([readText(stdout, 100_000), readText(stderr, 100_000)]);
  const exit = await connectExecWebSocket(
    {
      url: `${node.server}/exec/default/${name}/main?${query}`,
      tls: { rejectUnauthorized: false },
      headers: { authorization: "Bearer secret" },
    },
    { stdout, stderr, ...(input ? { stdin: Readable.from([input]) } : {}) },
  );
  stdout.end();
  stderr.end();
  const [out, err] = await texts;
  return { exit, out, err };
}

test("a pod runs, is ready, speaks, obeys, and goes", async () => {
  create("plain", `echo hello; ${waits}`);
  await until(() => ready("plain"));
  expect(pod("plain")?.status).toMatchObject({ phase: "Running", podIP: expect.stringMatching(/^10\.252\.1\./) });
  expect(status("plain")).toMatchObject({ image: node.image, restartCount: 0, started: true });
  await expect.poll(async () => (await get("/containerLogs/default/plain/main")).body).toBe("hello\n");
  expect((await get("/containerLogs/default/plain/main?timestamps=true")).body).toMatch(/^\d{4}-.*Z hello\n$/);

  const greeting = await exec("plain", ["sh", "-c", "hostname; cat /etc/hosts; cat /etc/resolv.conf"]);
  expect(greeting.exit).toEqual({ kind: "exited", code: 0 });
  expect(greeting.out).toMatch(/^plain\n/);
  expect(greeting.out).toContain(`${pod("plain")?.status?.podIP}\tplain`);
  expect(greeting.out).toContain("nameserver 10.96.0.10");
  expect((await exec("plain", ["sh", "-c", "cat; exit 3"], "said")).out).toBe("said");
  expect((await exec("plain", ["sh", "-c", "echo wrong >&2; exit 3"])).exit).toEqual({ kind: "exited", code: 3 });

  await remove("plain");
  expect(story("plain")).toEqual([
    `Pulled: Container image "${node.image}" already present on machine and can be accessed by the pod`,
    "Created: Container created",
    "Started: Container started",
    "Killing: Stopping container main",
  ]);
});

test("volumes and variables are what they are declared to be, and follow their sources", async () => {
  node.api.put(ConfigMap, { metadata: { name: "settings" }, data: { color: "blue", "app.conf": "a=1\n" } });
  node.api.put(Secret, {
    metadata: { name: "password" },
    data: { word: Buffer.from("hush").toString("base64") },
  });
  node.api.put(Service, {
    metadata: { name: "other" },
    spec: { clusterIP: "10.96.0.7", ports: [{ port: 80, targetPort: 80, protocol: "TCP" }] },
  });
  create(
    "volumes",
    waits,
    {
      serviceAccountName: "default",
      securityContext: { fsGroup: 2000 },
      volumes: [
        { name: "config", configMap: { name: "settings", defaultMode: 0o644 } },
        { name: "secret", secret: { secretName: "password", defaultMode: 0o400 } },
        { name: "scratch", emptyDir: {} },
        { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
        {
          name: "all",
          projected: {
            sources: [
              { serviceAccountToken: { path: "token", expirationSeconds: 3600 } },
              { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
            ],
          },
        },
      ],
    },
    {
      env: [
        { name: "COLOR", valueFrom: { configMapKeyRef: { name: "settings", key: "color" } } },
        { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        { name: "BOTH", value: "$(COLOR) of $(OTHER_SERVICE_HOST) and $(NOTHING)" },
      ],
      volumeMounts: [
        { name: "config", mountPath: "/config" },
        { name: "config", mountPath: "/one.conf", subPath: "app.conf" },
        { name: "secret", mountPath: "/secret" },
        { name: "scratch", mountPath: "/scratch" },
        { name: "scratch", mountPath: "/part", subPath: "a/b" },
        { name: "memory", mountPath: "/memory" },
        { name: "all", mountPath: "/all", readOnly: true },
      ],
    },
  );
  await until(() => ready("volumes"));
  const look = async (script: string) => (await exec("volumes", ["sh", "-c", script])).out;
  expect(await look("cat /config/color /one.conf /secret/word")).toBe("bluea=1\nhush");
  expect(await look("cat /all/token; echo; cat /all/labels")).toBe('token of default\napp="volumes"');
  expect(await look("stat -L -c '%a %g' /secret/word /scratch /all/token")).toBe("440 2000\n2777 2000\n640 2000\n");
  expect(await look("grep -c ' /secret tmpfs \\| /memory tmpfs \\| /all tmpfs ' /proc/mounts")).toBe("3\n");
  expect(await look("df -k /memory | tail -n 1 | awk '{print $2}'")).toBe("1024\n");
  expect(await look("echo x > /part/file; cat /scratch/a/b/file; touch /config/no 2>&1 | grep -c Read-only")).toBe(
    "x\n1\n",
  );
  expect(await look('echo "$COLOR|$IP|$BOTH"')).toBe(
    `blue|${pod("volumes")?.status?.podIP}|blue of 10.96.0.7 and $(NOTHING)\n`,
  );
  node.api.change(ConfigMap, "settings", (map) => ({ ...map, data: { color: "red" } }));
  await expect.poll(() => look("cat /config/color; ls /config"), { timeout: 40_000 }).toBe("redcolor\n");
  await remove("volumes");
  expect(mountsBelow(await readFile("/proc/self/mountinfo", "utf8"), `${node.dataFolder}/pods`)).toEqual([]);
}, 90_000);

test("a sandbox that comes up for a pod that is gone is taken away", async () => {
  // As when an agent was killed after it had asked for it.
  const podUid = "uid-of-nobody";
  const id = await node.runtime.runSandbox({
    metadata: { name: "nobody", uid: podUid, namespace: "default", attempt: 0 },
    hostname: "nobody",
    labels: sandboxLabels({ podName: "nobody", podNamespace: "default", podUid }),
    annotations: {},
    cgroupParent: await node.cgroups.ensurePod("BestEffort", podUid),
  });
  await until(async () => !(await node.runtime.sandboxStatus(id)), 60_000);
  await until(async () => (await node.cgroups.listPods()).every(({ uid }) => uid !== podUid));
});

describe("probes", () => {
  test.each([
    ["exec", { exec: { command: ["test", "-f", "/tmp/up"] } }, `sleep 1; touch /tmp/up; ${waits}`],
    [
      "http",
      { httpGet: { port: 8080, path: "/" } },
      `sleep 1; echo ok > /index.html; httpd -f -p 8080 -h / & ${waits}`,
    ],
    ["tcp", { tcpSocket: { port: 8080 } }, `sleep 1; httpd -f -p 8080 -h / & ${waits}`],
  ])("make a pod ready by %s when it is", async (kind, handler, script) => {
    create(`ready-${kind}`, script, {}, { readinessProbe: { ...handler, periodSeconds: 1, failureThreshold: 1 } });
    await until(() => status(`ready-${kind}`)?.started);
    expect(ready(`ready-${kind}`)).toBe(false);
    await until(() => ready(`ready-${kind}`));
    await remove(`ready-${kind}`);
  });

  test("restart a container that is not alive", async () => {
    const livenessProbe = { exec: { command: ["test", "-f", "/tmp/up"] }, periodSeconds: 1, failureThreshold: 2 };
    create("alive", `touch /tmp/up; sleep 2; rm /tmp/up; ${waits}`, {}, { livenessProbe });
    await until(() => status("alive")?.restartCount === 1);
    expect(story("alive")).toContain("Killing: Container main failed liveness probe, will be restarted");
    expect(story("alive").filter((line) => line.startsWith("Unhealthy: Liveness probe failed"))).toHaveLength(1);
    await remove("alive");
  });
});

test("a container that crashes is restarted at once, then backs off, with its last words", async () => {
  create("crash", "echo bye; echo gone > /dev/termination-log; exit 3");
  await until(() => status("crash")?.state?.waiting?.reason === "CrashLoopBackOff");
  expect(status("crash")).toMatchObject({
    restartCount: 1,
    lastState: { terminated: { exitCode: 3, reason: "Error", message: "gone\n" } },
  });
  expect((await get("/containerLogs/default/crash/main?previous=true")).body).toBe("bye\n");
  await remove("crash");
});

test("a log stands in for last words where that is wished", async () => {
  create(
    "fallback",
    "echo one; echo two; exit 1",
    { restartPolicy: "Never" },
    {
      terminationMessagePolicy: "FallbackToLogsOnError",
    },
  );
  await until(() => pod("fallback")?.status?.phase === "Failed");
  expect(status("fallback")?.state?.terminated?.message).toBe("one\ntwo\n");
  await remove("fallback");
});

test("hooks run, and a pod with little patience is killed", async () => {
  create(
    "hooks",
    "sleep 10000",
    { volumes: [{ name: "v", hostPath: { path: node.directory } }] },
    {
      volumeMounts: [{ name: "v", mountPath: "/host" }],
      lifecycle: {
        postStart: { exec: { command: ["touch", "/host/started"] } },
        preStop: { exec: { command: ["sh", "-c", "echo stopped > /host/stopped"] } },
      },
    },
  );
  await until(() => ready("hooks"));
  expect(await readFile(`${node.directory}/started`, "utf8")).toBe("");
  await remove("hooks", 2);
  expect(await readFile(`${node.directory}/stopped`, "utf8")).toBe("stopped\n");
});

test("init containers and sidecars come in their order", async () => {
  const base = { image: node.image, imagePullPolicy: "IfNotPresent" } as const;
  const write = (word: string) => `echo ${word} >> /v/order`;
  const volumeMounts = [{ name: "v", mountPath: "/v" }];
  create(
    "order",
    `${write("main")}; ${waits}`,
    {
      volumes: [{ name: "v", emptyDir: {} }],
      initContainers: [
        { ...base, name: "first", command: ["sh", "-c", write("first")], volumeMounts },
        {
          ...base,
          name: "side",
          command: ["sh", "-c", `${write("side")}; ${waits}`],
          volumeMounts,
          restartPolicy: "Always",
        },
        { ...base, name: "second", command: ["sh", "-c", `sleep 1; ${write("second")}`], volumeMounts },
      ],
    },
    { volumeMounts },
  );
  await until(() => ready("order"));
  expect((await exec("order", ["cat", "/v/order"])).out).toBe("first\nside\nsecond\nmain\n");
  await remove("order");
});

test("an image that is nowhere is told word for word", async () => {
  create("typo", waits, {}, { image: "registry.invalid/typo:1" });
  await until(() => status("typo")?.state?.waiting?.reason === "ImagePullBackOff");
  expect(status("typo")?.state?.waiting?.message).toMatch(
    /^Back-off pulling image "registry.invalid\/typo:1": ErrImagePull: rpc error: code = Unknown desc = failed to pull and unpack image/,
  );
  expect((await get("/containerLogs/default/typo/main")).body).toContain(
    'container "main" in pod "typo" is waiting to start: trying and failing to pull image',
  );
  await remove("typo");
});

test("a new agent takes over what runs, and an orderly restart keeps pods and their scratch space", async () => {
  create(
    "keeps",
    `echo life >> /v/lives; ${waits}`,
    { volumes: [{ name: "v", emptyDir: {} }] },
    {
      volumeMounts: [{ name: "v", mountPath: "/v" }],
    },
  );
  await until(() => ready("keeps"));
  const before = status("keeps")?.containerID;
  await node.restartAgent();
  await until(() => ready("keeps"));
  expect(status("keeps")).toMatchObject({ containerID: before, restartCount: 0 });

  await node.shutDownAndStart();
  await until(() => ready("keeps") && status("keeps")?.restartCount === 1);
  expect((await exec("keeps", ["cat", "/v/lives"])).out).toBe("life\nlife\n");
  await remove("keeps");
}, 40_000);

test("the node tells its figures and pods", async () => {
  create("figures", waits);
  await until(() => ready("figures"));
  expect(await get("/healthz")).toMatchObject({ status: 200, body: "ok" });
  const summary = JSON.parse((await get("/stats/summary")).body) as { pods: { podRef: { name: string } }[] };
  expect(summary.pods.map(({ podRef }) => podRef.name)).toEqual(["figures"]);
  await expect
    .poll(async () => (await get("/metrics/resource")).body)
    .toMatch(
      /^container_memory_working_set_bytes\{container="main",namespace="default",pod="figures"\} [1-9]\d* \d+$/m,
    );
  expect((await get("/metrics/cadvisor")).body).toMatch(/^container_cpu_usage_seconds_total\{container="main",/m);
  expect((await get("/metrics/nothing")).status).toBe(404);
  const { items } = JSON.parse((await get("/pods")).body) as { items: Pod[] };
  expect(items.map(({ metadata }) => metadata.name)).toEqual(["figures"]);
  await remove("figures");
});

test("nothing of deleted pods is left", async () => {
  expect(await node.runtime.listSandboxes()).toEqual([]);
  expect(await node.cgroups.listPods()).toEqual([]);
  const mounts = mountsBelow(await readFile("/proc/self/mountinfo", "utf8"), node.directory);
  expect(mounts.filter((mount) => mount !== `${node.dataFolder}/memory`)).toEqual([]);
});
