import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { V1Container } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { containerOf, nameOf, Pods, shell, waits } from "./tools/pods.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";

/* What a node does for pods that only real containers can show and no conformance name asks for. All pods run at once. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "node-features");
const pods = new Pods(cluster, ns);
const named = (name: string, script: string, more: Partial<V1Container> = {}) => ({ ...shell(script, more), name });

describe.concurrent("what a pod shares", () => {
  test("are its processes, where that is wished", async () => {
    const other = named("other", "sleep 4242 & wait", {});
    const look = shell("until ps | grep -q '[s]leep 4242'; do sleep 0.1; done; killall sleep; echo seen");
    const spec = { shareProcessNamespace: true, containers: [look, other] };
    expect(await pods.output("processes", spec)).toBe("seen\n");
  });

  test("are the machine's processes and memory, where that is wished", async () => {
    const container = shell("cat /proc/1/comm; readlink /proc/self/ns/ipc");
    const own = await pods.output("alone", { containers: [container] });
    expect(own).toMatch(/^sh\n/);
    expect(own).not.toContain(readlinkSync("/proc/self/ns/ipc"));
    expect(await pods.output("host", { hostPID: true, hostIPC: true, containers: [container] })).toBe(
      `${readFileSync("/proc/1/comm", "utf8")}${readlinkSync("/proc/self/ns/ipc")}\n`,
    );
  });
});

describe.concurrent("a pod calls itself", () => {
  const containers = [shell("hostname")];
  test("by its whole name, where that is wished", async () => {
    const spec = { hostname: "one", subdomain: "all", setHostnameAsFQDN: true, containers };
    expect(await pods.output("whole", spec)).toBe(`one.all.${ns}.svc.cluster.local\n`);
  });

  test("by another name altogether", async () => {
    expect(await pods.output("other", { hostnameOverride: "db.example.com", containers })).toBe("db.example.com\n");
  });
});

test.concurrent("variables come from a file that an init container has written", async () => {
  const volumes = [{ name: "work", emptyDir: {} }];
  const write = named("write", "echo \"WORD='two words'\" > /work/env", {
    volumeMounts: [{ name: "work", mountPath: "/work" }],
  });
  const fileKeyRef = { volumeName: "work", path: "env", key: "WORD" };
  const main = shell('echo "$WORD"', { env: [{ name: "WORD", valueFrom: { fileKeyRef } }] });
  expect(await pods.output("from-file", { volumes, initContainers: [write], containers: [main] })).toBe("two words\n");
});

test.concurrent("what a pod is given as a whole limits its containers", async () => {
  const files = "/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max";
  const resources = { requests: { cpu: "10m" }, limits: { memory: "48Mi" } };
  const spec = { resources, containers: [shell(`cat ${files} 2>/dev/null || true`)] };
  expect(await pods.output("whole-pod", spec)).toBe(`${48 * 2 ** 20}\n`);
});

test.concurrent("a folder in memory is no larger than its pod may be", async () => {
  const main = shell("df -k /memory | tail -n 1 | awk '{ print $2 }'", {
    resources: { limits: { memory: "24Mi" } },
    volumeMounts: [{ name: "memory", mountPath: "/memory" }],
  });
  const volumes = [{ name: "memory", emptyDir: { medium: "Memory" } }];
  expect(await pods.output("in-memory", { volumes, containers: [main] })).toBe(`${24 * 1024}\n`);
});

test.concurrent("a container that shall not restart does for the exit codes that it names", async () => {
  const volumes = [{ name: "kept", emptyDir: {} }];
  const restartPolicyRules = [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }];
  const main = {
    ...shell("[ -f /kept/once ] && exit 3; touch /kept/once; exit 42", {
      volumeMounts: [{ name: "kept", mountPath: "/kept" }],
    }),
    ...{ restartPolicy: "Never", restartPolicyRules },
  };
  const pod = await pods.ended(await pods.create("by-rule", { restartPolicy: "Never", volumes, containers: [main] }));
  expect(pod.status?.phase).toBe("Failed");
  expect(containerOf(pod)).toMatchObject({ restartCount: 1, state: { terminated: { exitCode: 3 } } });
});

test.concurrent("a node runs a command for who asks it itself, and tells what probes said", async () => {
  const readinessProbe = { exec: { command: ["true"] } };
  const pod = await pods.ready(await pods.create("asked", { containers: [shell(waits, { readinessProbe })] }));
  const proxy = `/api/v1/nodes/${pod.spec?.nodeName}/proxy`;
  const run = `${proxy}/run/${ns}/${nameOf(pod)}/main?cmd=echo%20hello`;
  expect(await cluster.kubectl("create", "--raw", run, "-f", "/dev/null")).toBe("hello\n");
  const counted = await cluster.kubectl("get", "--raw", `${proxy}/metrics/probes`);
  expect(counted).toMatch(
    new RegExp(`prober_probe_total\\{container="main",[^}]*pod="${nameOf(pod)}"[^}]*result="successful"\\} [1-9]`),
  );
});

describe("folders of the machine", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "nvfeature-"));
    mkdirSync(join(folder, "shared"));
    mkdirSync(join(folder, "local"));
    writeFileSync(join(folder, "local", "before"), "here\n");
    execFileSync("mount", ["--bind", join(folder, "shared"), join(folder, "shared")]);
    execFileSync("mount", ["--make-shared", join(folder, "shared")]);
  });
  afterAll(() => {
    execFileSync("umount", ["--recursive", join(folder, "shared")]);
    rmSync(folder, { recursive: true });
  });

  test("a mount goes from a container to the machine and to those that look, and to no other", async () => {
    const path = join(folder, "shared");
    const volumes = [{ name: "work", hostPath: { path } }];
    const mounting = (mountPropagation?: string) => ({
      volumeMounts: [{ name: "work", mountPath: "/work", ...(mountPropagation ? { mountPropagation } : {}) }],
    });
    const script = `mkdir /work/m; until [ -f /work/go ]; do sleep 0.1; done; mount -t tmpfs tmpfs /work/m; echo inside > /work/m/file; ${waits}`;
    const maker = shell(script, { ...mounting("Bidirectional"), securityContext: { privileged: true } });
    const looks = (begin: string, propagation?: string) =>
      pods.create(begin, {
        volumes,
        containers: [
          shell(`while :; do cat /work/m/file 2>/dev/null || echo nothing; sleep 0.2; done`, mounting(propagation)),
        ],
      });
    const [made, sees, blind] = await Promise.all([
      pods.create("makes", { volumes, containers: [maker] }),
      looks("sees", "HostToContainer"),
      looks("blind"),
    ]);
    await Promise.all([made, sees, blind].map((pod) => pods.ready(pod)));
    writeFileSync(join(path, "go"), "");
    await pods.lines(sees, /^inside$/, 1);
    expect(readFileSync(join(path, "m", "file"), "utf8")).toBe("inside\n");
    expect(await pods.log(blind)).not.toContain("inside");
    await pods.core.deleteCollectionNamespacedPod({ namespace: ns, gracePeriodSeconds: 1 });
  });

  test("a local volume is where its node is", async () => {
    const { items } = await pods.core.listNode();
    const values = items.map(({ metadata }) => metadata?.name ?? "");
    const nodeSelectorTerms = [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values }] }];
    const shared = { accessModes: ["ReadWriteOnce"], storageClassName: "by-hand" };
    const volume = {
      ...{ apiVersion: "v1", kind: "PersistentVolume", metadata: { name: `${ns}-local` } },
      spec: {
        ...shared,
        capacity: { storage: "1Mi" },
        persistentVolumeReclaimPolicy: "Retain",
        local: { path: join(folder, "local") },
        nodeAffinity: { required: { nodeSelectorTerms } },
      },
    };
    const claim = {
      ...{ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "local" } },
      spec: { ...shared, resources: { requests: { storage: "1Mi" } } },
    };
    await cluster.apply(ns, volume, claim);
    const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "local" } }];
    const main = shell("cat /data/before; echo now > /data/after", {
      volumeMounts: [{ name: "data", mountPath: "/data" }],
    });
    expect(await pods.output("local", { volumes, containers: [main] })).toBe("here\n");
    expect(readFileSync(join(folder, "local", "after"), "utf8")).toBe("now\n");
    await cluster.kubectl("delete", "pv", `${ns}-local`, "--wait=false");
  });
});
