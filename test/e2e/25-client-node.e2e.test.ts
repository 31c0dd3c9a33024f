import { PassThrough } from "node:stream";
import {
  AppsV1Api,
  Attach,
  CoreV1Api,
  Exec,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  Log,
  PatchStrategy,
  PortForward,
  type V1Status,
} from "@kubernetes/client-node";
import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { scriptPod, webDeployment, webService } from "./tools/workloads.ts";

/** The JavaScript client, unmodified, with pods that run. */
const cluster = sharedCluster();
const ns = ownNamespace(cluster, "client-node");
const config = new KubeConfig();
let core: CoreV1Api;

beforeAll(async () => {
  config.loadFromFile(cluster.env.KUBECONFIG ?? "");
  core = config.makeApiClient(CoreV1Api);
  const talker = "echo ready; while read line; do echo heard $line; done; sleep 100000";
  const { spec, ...pod } = scriptPod("shell", talker) as { spec: { containers: readonly object[] } };
  const containers = spec.containers.map((container) => ({ ...container, stdin: true }));
  await core.createNamespacedPod({ namespace: ns, body: { ...pod, spec: { ...spec, containers } } as never });
  await eventually("the pod runs", async () => {
    const { status } = await core.readNamespacedPod({ namespace: ns, name: "shell" });
    expect(status?.conditions?.find(({ type }) => type === "Ready")?.status).toBe("True");
  });
});

/** Collects what is written to it. */
class Collected extends PassThrough {
  text = "";

  constructor() {
    super();
    this.setEncoding("utf8").on("data", (part: string) => {
      this.text += part;
    });
  }
}

async function execute(command: readonly string[], input?: PassThrough, pod = "shell") {
  const [out, err] = [new Collected(), new Collected()];
  const exec = new Exec(config);
  const status = await new Promise<V1Status>((resolve, reject) => {
    exec.exec(ns, pod, "main", [...command], out, err, input ?? null, false, resolve).catch(reject);
  });
  return { out: out.text, err: err.text, status };
}

describe("exec", () => {
  test("gives both streams and how the command ended", async () => {
    const { out, err, status } = await execute(["sh", "-c", "echo out; echo err >&2; exit 7"]);
    expect({ out, err }).toEqual({ out: "out\n", err: "err\n" });
    expect(status).toMatchObject({ status: "Failure", reason: "NonZeroExitCode" });
    expect(status.details?.causes).toEqual([{ reason: "ExitCode", message: "7" }]);
  });

  test("passes input on", async () => {
    const input = new PassThrough();
    const running = execute(["sh", "-c", "read line; echo got $line"], input);
    input.write("this\n");
    const { out, status } = await running;
    expect(out).toBe("got this\n");
    expect(status).toMatchObject({ status: "Success" });
  });

  test("of a pod that is not there is refused", async () => {
    const exec = new Exec(config);
    await expect(exec.exec(ns, "nobody", "main", ["true"], null, null, null, false)).rejects.toBeDefined();
  });
});

test("attach talks with the container's own process", async () => {
  const [out, err, input] = [new Collected(), new Collected(), new PassThrough()];
  const socket = await new Attach(config).attach(ns, "shell", "main", out, err, input, false);
  await eventually("it answers", async () => {
    input.write("me\n");
    expect(out.text).toContain("heard me");
  });
  socket.close();
});

test("logs are followed to the end of the container, and read afterwards", async () => {
  const script = "echo first; while [ ! -e /go ]; do sleep 0.1; done; echo second";
  await core.createNamespacedPod({
    namespace: ns,
    body: scriptPod("talker", script, { restartPolicy: "Never" }) as never,
  });
  await eventually("it runs", async () => {
    const { status } = await core.readNamespacedPod({ namespace: ns, name: "talker" });
    expect(status?.containerStatuses?.[0]?.state?.running).toBeDefined();
  });
  const out = new Collected();
  await new Log(config).log(ns, "talker", "main", out, { follow: true });
  await eventually("what was said before is there", () => expect(out.text).toBe("first\n"));
  await execute(["touch", "/go"], undefined, "talker");
  await eventually("the log has ended", () => expect(out.readableEnded).toBe(true));
  expect(out.text).toBe("first\nsecond\n");
  expect(await core.readNamespacedPodLog({ namespace: ns, name: "talker", tailLines: 1 })).toBe("second\n");
});

describe("with a web server", () => {
  const objects = KubernetesObjectApi.makeApiClient;

  beforeAll(async () => {
    const api = objects(config);
    for (const object of [webDeployment("web", 1), webService("web")] as KubernetesObject[]) {
      const named = {
        apiVersion: "v1",
        ...object,
        metadata: { ...object.metadata, namespace: ns },
      } as KubernetesObject & { metadata: { name: string } };
      const how = [undefined, undefined, "client-node", true, PatchStrategy.ServerSideApply] as const;
      await api.patch(named, ...how);
      await api.patch(named, ...how); // the second time nothing changes
    }
    const apps = config.makeApiClient(AppsV1Api);
    await eventually("it is available", async () => {
      const { status } = await apps.readNamespacedDeployment({ namespace: ns, name: "web" });
      expect(status?.availableReplicas).toBe(1);
    });
  });

  test("a port is forwarded", async () => {
    const { items } = await core.listNamespacedPod({ namespace: ns, labelSelector: "app=web" });
    const [out, err, input] = [new Collected(), new Collected(), new PassThrough()];
    const forward = new PortForward(config);
    const socket = await forward.portForward(ns, items[0]?.metadata?.name ?? "", [3000], out, err, input);
    input.write("GET /healthz HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
    await eventually("it answers", () => expect(out.text).toMatch(/^HTTP\/1\.1 200 /));
    expect(err.text).toBe("");
    if (typeof socket !== "function") socket.close();
  });

  test("pods and services are reached through the API server", async () => {
    const { items } = await core.listNamespacedPod({ namespace: ns, labelSelector: "app=web" });
    const pod = `${items[0]?.metadata?.name}:3000`;
    const throughPod = await core.connectGetNamespacedPodProxyWithPath({ namespace: ns, name: pod, path: "healthz" });
    const throughService = await eventually("the service has its endpoint", () =>
      core.connectGetNamespacedServiceProxyWithPath({ namespace: ns, name: "web", path: "healthz" }),
    );
    expect(throughService).toEqual(throughPod);
  });

  test("what was applied is owned by who applied it", async () => {
    const read = await core.readNamespacedService({ namespace: ns, name: "web" });
    expect(read.metadata?.managedFields).toContainEqual(
      expect.objectContaining({ manager: "client-node", operation: "Apply" }),
    );
  });
});
