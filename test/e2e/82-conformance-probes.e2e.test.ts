import type { V1Container, V1Pod } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { containerOf, isReady, nameOf, Pods, server, shell, testImages, waits } from "./tools/pods.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";

/*
 * Probes, as upstream's conformance list names them, and those of its node tests beside the list. What is probed counts how
 * often it was asked, so that nobody has to wait for a time to pass. All pods run at once.
 */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "conformance-probes");
testImages(cluster);
const pods = new Pods(cluster, ns);

const restarts = (pod: V1Pod) => (pod.status?.containerStatuses ? containerOf(pod).restartCount : 0);
const restarted = (pod: V1Pod, times = 1) =>
  pods.until(pod, `was restarted ${times} times`, (now) => restarts(now) >= times, { within: 90_000, every: 250 });
const told = async (pod: V1Pod, reason: string, message: string) => {
  const fieldSelector = `involvedObject.name=${nameOf(pod)},reason=${reason}`;
  await eventually(`${reason} is told`, async () => {
    const { items } = await pods.core.listNamespacedEvent({ namespace: ns, fieldSelector });
    expect(items.map((event) => event.message)).toContain(message);
  });
};
/** A machine that is busy answers late: only a refusal counts. */
const often = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 30 };
/** Nothing else is asked before the server listens. */
const startupProbe = { ...often, tcpSocket: { port: 8080 }, failureThreshold: 60 };
const listening = (more: Partial<V1Container>) => server({ startupProbe, ...more });
const healthz = { httpGet: { path: "/healthz", port: 8080 } };
const reading = (file: string) => ({ exec: { command: ["cat", file] } });
/** Writes a line each time, then says whether the file is there. */
const counting = (file: string) => ({ exec: { command: ["sh", "-c", `echo probed > /proc/1/fd/1; cat ${file}`] } });

describe.concurrent("Probing container", () => {
  test("with readiness probe should not be ready before initial delay and never restart", async () => {
    const readinessProbe = { ...often, ...healthz, initialDelaySeconds: 4 };
    const pod = await pods.ready(await pods.create("delayed", { containers: [listening({ readinessProbe })] }));
    const since = pod.status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime;
    const begun = containerOf(pod).state?.running?.startedAt;
    expect(Number(since) - Number(begun)).toBeGreaterThanOrEqual(4000);
    expect(restarts(pod)).toBe(0);
  });

  test("with readiness probe that fails should never be ready and never restart", async () => {
    const readinessProbe = { ...often, ...counting("/nothing") };
    const pod = await pods.create("never", { containers: [shell(waits, { readinessProbe })] });
    await pods.lines(pod, /^probed$/, 5);
    const now = await pods.get(nameOf(pod));
    expect([isReady(now), containerOf(now).ready, restarts(now)]).toEqual([false, false, 0]);
    expect(containerOf(now).started).toBe(true);
  });

  test('should be restarted with a exec "cat /tmp/health" liveness probe', async () => {
    const script = "echo ok > /tmp/health; sleep 2; rm /tmp/health; sleep 600";
    const livenessProbe = { ...often, ...reading("/tmp/health"), initialDelaySeconds: 1 };
    await restarted(await pods.create("exec-fails", { containers: [shell(script, { livenessProbe })] }));
  });

  test('should *not* be restarted with a exec "cat /tmp/health" liveness probe', async () => {
    const livenessProbe = { ...often, ...counting("/tmp/health"), initialDelaySeconds: 1 };
    const pod = await pods.create("exec-well", {
      containers: [shell(`echo ok > /tmp/health; ${waits}`, { livenessProbe })],
    });
    await pods.lines(pod, /^probed$/, 8);
    expect(restarts(await pods.get(nameOf(pod)))).toBe(0);
  });

  const failing = { env: [{ name: "HEALTHY_ANSWERS", value: "2" }] };

  test("should be restarted with a /healthz http liveness probe", async () => {
    const livenessProbe = { ...often, ...healthz };
    const pod = await pods.create("http-fails", { containers: [listening({ ...failing, livenessProbe })] });
    await restarted(pod);
    await told(pod, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500");
  });

  test("should have monotonically increasing restart count", async () => {
    const livenessProbe = { ...often, ...healthz };
    let pod = await pods.create("again", { containers: [listening({ ...failing, livenessProbe })] });
    // A third wait would be 20 seconds long, a fifth more than a minute.
    for (const times of [1, 2]) {
      pod = await restarted(pod, times);
      expect(restarts(pod)).toBe(times);
    }
  });

  test("should *not* be restarted with a /healthz http liveness probe", async () => {
    const livenessProbe = { ...often, ...healthz };
    const pod = await pods.create("http-well", { containers: [listening({ livenessProbe })] });
    await pods.lines(pod, /^GET \/healthz 200$/, 8);
    expect(restarts(await pods.get(nameOf(pod)))).toBe(0);
  });

  test("should *not* be restarted with a tcp:8080 liveness probe", async () => {
    // It listens on, though what it answers is no good.
    const env = [{ name: "HEALTHY_ANSWERS", value: "0" }];
    const livenessProbe = { ...often, tcpSocket: { port: 8080 } };
    const readinessProbe = { ...often, ...healthz };
    const pod = await pods.create("tcp", { containers: [listening({ env, livenessProbe, readinessProbe })] });
    await pods.lines(pod, /^GET \/healthz 500$/, 8);
    expect(restarts(await pods.get(nameOf(pod)))).toBe(0);
  });

  test("should *not* be restarted with a GRPC liveness probe", async () => {
    const livenessProbe = { ...often, grpc: { port: 5000, service: "any" } };
    const pod = await pods.create("grpc-well", { containers: [listening({ livenessProbe })] });
    await pods.lines(pod, /^gRPC \/grpc\.health\.v1\.Health\/Check$/, 6);
    expect(restarts(await pods.get(nameOf(pod)))).toBe(0);
  });

  test("should be restarted with a GRPC liveness probe", async () => {
    // Nobody listens there.
    const livenessProbe = { ...often, grpc: { port: 2333 } };
    await restarted(await pods.create("grpc-fails", { containers: [listening({ livenessProbe })] }));
  });

  test("should be restarted with an exec liveness probe with timeout", async () => {
    const livenessProbe = { ...often, exec: { command: ["sleep", "60"] }, timeoutSeconds: 1 };
    await restarted(await pods.create("slow-live", { containers: [shell(waits, { livenessProbe })] }));
  });

  test("should not be ready with an exec readiness probe timeout", async () => {
    const command = ["sh", "-c", "echo probed > /proc/1/fd/1; sleep 60"];
    const readinessProbe = { ...often, exec: { command }, timeoutSeconds: 1 };
    const pod = await pods.create("slow-ready", { containers: [shell(waits, { readinessProbe })] });
    await pods.lines(pod, /^probed$/, 3);
    const now = await pods.get(nameOf(pod));
    expect([isReady(now), restarts(now)]).toEqual([false, 0]);
  });

  const to = (where: string) => ({ httpGet: { path: `/redirect?to=${encodeURIComponent(where)}`, port: 8080 } });

  test("should be restarted with a local redirect http liveness probe", async () => {
    const livenessProbe = { ...often, ...to("/healthz") };
    await restarted(await pods.create("here", { containers: [listening({ ...failing, livenessProbe })] }));
  });

  test("should *not* be restarted with a non-local redirect http liveness probe", async () => {
    // Whoever is sent elsewhere has been answered: what is there does not count.
    const livenessProbe = { ...often, ...to("http://0.0.0.0:1/nobody") };
    const pod = await pods.create("elsewhere", { containers: [listening({ livenessProbe })] });
    await pods.lines(pod, /^GET \/redirect.* 302$/, 6);
    await told(pod, "ProbeWarning", "Liveness probe warning: Probe terminated redirects, Response body: ");
    expect(restarts(await pods.get(nameOf(pod)))).toBe(0);
  });

  test("should be restarted startup probe fails", async () => {
    const startupProbe = { ...often, ...reading("/nothing"), failureThreshold: 2 };
    const livenessProbe = { ...often, exec: { command: ["true"] } };
    const pod = await restarted(
      await pods.create("unborn", { containers: [shell(waits, { startupProbe, livenessProbe })] }),
    );
    expect(containerOf(pod).started).toBe(false);
  });

  test("should *not* be restarted by liveness probe because startup probe delays it", async () => {
    const startupProbe = { ...often, ...counting("/nothing"), failureThreshold: 600 };
    const livenessProbe = { ...often, exec: { command: ["false"] } };
    const pod = await pods.create("held", { containers: [shell(waits, { startupProbe, livenessProbe })] });
    await pods.lines(pod, /^probed$/, 6);
    const now = await pods.get(nameOf(pod));
    expect([containerOf(now).started, restarts(now)]).toEqual([false, 0]);
  });

  test("should be restarted by liveness probe after startup probe enables it", async () => {
    const startupProbe = { ...often, ...reading("/tmp/up"), failureThreshold: 60 };
    const livenessProbe = { ...often, exec: { command: ["false"] } };
    const container = shell("sleep 2; echo up > /tmp/up; sleep 600", { startupProbe, livenessProbe });
    await restarted(await pods.create("released", { containers: [container] }));
  });

  test("should be ready immediately after startupProbe succeeds", async () => {
    const startupProbe = { ...often, ...reading("/tmp/up"), failureThreshold: 60 };
    // Its own next time would be far away.
    const readinessProbe = { ...often, exec: { command: ["true"] }, periodSeconds: 3600 };
    const container = shell(`sleep 2; echo up > /tmp/up; ${waits}`, { startupProbe, readinessProbe });
    const pod = await pods.ready(await pods.create("at-once", { containers: [container] }));
    expect(containerOf(pod).started).toBe(true);
  });

  test("should mark readiness on pods to false while pod is in progress of terminating when a pod has a readiness probe", async () => {
    const readinessProbe = { ...often, ...reading("/tmp/ready") };
    const script = "trap 'rm /tmp/ready; sleep 20' TERM; echo ok > /tmp/ready; while :; do sleep 0.2; done";
    const created = await pods.create("leaving", {
      terminationGracePeriodSeconds: 60,
      containers: [shell(script, { readinessProbe })],
    });
    const pod = await pods.ready(created);
    await pods.core.deleteNamespacedPod({ namespace: ns, name: nameOf(pod) });
    const leaving = await pods.until(pod, "is not ready any more", (now) => !isReady(now));
    expect(leaving.metadata?.deletionTimestamp).toBeDefined();
    await pods.core.deleteNamespacedPod({ namespace: ns, name: nameOf(pod), gracePeriodSeconds: 0 });
  });

  test("should override timeoutGracePeriodSeconds when LivenessProbe field is set", async () => {
    const livenessProbe = { ...often, exec: { command: ["false"] }, terminationGracePeriodSeconds: 1 };
    const created = await pods.create("impatient", {
      terminationGracePeriodSeconds: 500,
      // It does not end by itself.
      containers: [shell("trap '' TERM; while :; do sleep 0.2; done", { livenessProbe })],
    });
    const pod = await restarted(created);
    expect(containerOf(pod).lastState?.terminated?.exitCode).toBe(137);
    await pods.core.deleteNamespacedPod({ namespace: ns, name: nameOf(pod), gracePeriodSeconds: 0 });
  });
});
