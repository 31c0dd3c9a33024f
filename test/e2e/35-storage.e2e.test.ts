import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { scriptPod } from "./tools/workloads.ts";

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "storage");
const kubectl = (...args: readonly string[]) => cluster.kubectl("-n", ns, ...args);
const get = (...args: readonly string[]) => cluster.get("-n", ns, ...args);

test("a claim gets a folder, keeps what pods write there, grows, and takes the folder with it", async () => {
  const storage = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  await cluster.apply(ns, {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data" },
    spec: storage,
  });
  const spec = (script: string) => ({
    // Nobody in particular may write there.
    securityContext: { runAsUser: 1000 },
    containers: [
      {
        name: "main",
        image: "navarch.local/busybox:1.35",
        command: ["sh", "-c", script],
        volumeMounts: [{ name: "data", mountPath: "/data" }],
      },
    ],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
    restartPolicy: "Never",
  });
  const succeeds = async (name: string, script: string) => {
    await cluster.apply(ns, scriptPod(name, script, spec(script)));
    await kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", `pod/${name}`, "--timeout=60s");
  };
  await succeeds("writer", "echo kept > /data/file");
  await kubectl("delete", "pod", "writer");
  await succeeds("reader", "grep kept /data/file");

  const grown = { spec: { resources: { requests: { storage: "2Gi" } } } };
  await kubectl("patch", "pvc", "data", "-p", JSON.stringify(grown));
  const claim = await eventually("the claim has grown", async () => {
    const found = await get("pvc", "data");
    expect(found.status.capacity.storage).toBe("2Gi");
    return found;
  });
  const volume = await cluster.get("pv", claim.spec.volumeName);
  const folder = volume.spec.local.path;
  expect(existsSync(folder)).toBe(true);
  await kubectl("delete", "pod/reader", "pvc/data");
  await eventually("the volume is gone", async () => {
    expect(await cluster.kubectl("get", "pv", claim.spec.volumeName, "--ignore-not-found")).toBe("");
  });
  expect(existsSync(folder)).toBe(false);
});

test("kubectl top tells what nodes and pods use", async () => {
  await cluster.apply(ns, scriptPod("busy", "while true; do sleep 1; done"));
  // There are figures once everything was looked at twice, with a quarter of a minute between.
  await eventually("the node and the pod have figures", async () => {
    expect(await cluster.kubectl("top", "nodes")).toMatch(/\d+m\s+\d+%\s+\d+Mi/);
    expect(await kubectl("top", "pods", "--containers")).toMatch(/busy\s+main\s+\d+m\s+\d+Mi/);
  });
});
