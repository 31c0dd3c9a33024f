import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { Container, Pod, Probe } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { dawn, observedOf, sampleContainer, samplePod } from "../testing/samples.ts";
import { httpGet } from "./http-get.ts";
import { ProbeCounts } from "./probe-counts.ts";
import { Prober } from "./prober.ts";

const container = { ...observedOf("main", "running"), startedAt: dawn };
const exec = { exec: { command: ["healthy"] } };

/** A prober of one container whose commands answer as `healthy` says. */
function open(probes: Partial<Container>, pod: Pod = samplePod({ containers: [sampleContainer(probes)] })) {
  const clock = new VirtualClock(dawn);
  const asked: number[] = [];
  const events: string[] = [];
  const changes: string[] = [];
  const state = { healthy: true };
  const runtime = {
    execSync: async () => {
      asked.push(clock.monotonic() / 1000);
      return { exitCode: state.healthy ? 0 : 1, stdout: new Uint8Array(), stderr: Buffer.from("no") };
    },
  } as unknown as ContainerRuntime;
  const recorder: EventRecorder = {
    record: (_, type, reason, message) => void events.push(`${type} ${reason} ${message}`),
    flush: async () => {},
  };
  const counts = new ProbeCounts();
  const prober = new Prober({ runtime, clock, events: recorder, counts, onChange: (uid) => void changes.push(uid) });
  prober.update(pod, [container], "10.88.0.5");
  const settled = async () => {
    for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    prober,
    counts,
    asked,
    events,
    changes,
    state,
    pod,
    pass: (seconds: number) => clock.pass(seconds * 1000, settled),
    verdict: () => prober.verdict(pod, container),
  };
}

const probe = (extra: Partial<Probe> = {}): Probe => ({ ...exec, periodSeconds: 10, ...extra });

test("a container without probes is started and ready", () => {
  expect(open({}).verdict()).toEqual({ started: true, ready: true });
});

test("what probes said is counted until the pod goes", async () => {
  const given = open({ livenessProbe: probe() });
  await given.pass(0);
  given.state.healthy = false;
  await given.pass(20);
  const labels = 'container="main",namespace="default",pod="web",pod_uid="uid-web",probe_type="Liveness"';
  expect(given.counts.text()).toContain(`prober_probe_total{${labels},result="successful"} 1\n`);
  expect(given.counts.text()).toContain(`prober_probe_total{${labels},result="failed"} 2\n`);
  const probed = 'container="main",namespace="default",pod="web",probe_type="Liveness"';
  expect(given.counts.text()).toContain(`prober_probe_duration_seconds_count{${probed}} 1\n`);
  given.prober.forget("uid-web");
  expect(given.counts.text()).toBe("");
});

test("it is told how long probes took that succeeded", () => {
  const counts = new ProbeCounts();
  for (const seconds of [0.02, 0.5, 60]) counts.took(samplePod(), "main", "Readiness", seconds);
  const labels = 'container="main",namespace="default",pod="web",probe_type="Readiness"';
  const lines = counts.text().split("\n");
  expect(lines).toContain("# TYPE prober_probe_duration_seconds histogram");
  for (const [bound, count] of [
    ["0.01", 0],
    ["0.025", 1],
    ["0.5", 2],
    ["10", 2],
    ["+Inf", 3],
  ])
    expect(lines).toContain(`prober_probe_duration_seconds_bucket{${labels},le="${bound}"} ${count}`);
  expect(lines).toContain(`prober_probe_duration_seconds_sum{${labels}} 60.52`);
  expect(lines).toContain(`prober_probe_duration_seconds_count{${labels}} 3`);
});

describe("readiness", () => {
  test("begins with no, and becomes yes at the first success", async () => {
    const given = open({ readinessProbe: probe() });
    expect(given.verdict()).toEqual({ started: true, ready: false });
    await given.pass(0);
    expect(given.verdict().ready).toBe(true);
    expect(given.changes).toEqual(["uid-web"]);
  });

  test("waits for its initial delay, then asks once a period", async () => {
    const given = open({ readinessProbe: probe({ initialDelaySeconds: 5 }) });
    await given.pass(30);
    expect(given.asked).toEqual([5, 15, 25]);
  });

  test("goes after as many failures in a row as declared, and each is told", async () => {
    const given = open({ readinessProbe: probe({ failureThreshold: 2 }) });
    await given.pass(0);
    given.state.healthy = false;
    await given.pass(10);
    expect(given.verdict().ready).toBe(true);
    await given.pass(10);
    expect(given.verdict().ready).toBe(false);
    expect(given.events).toEqual(Array(2).fill("Warning Unhealthy Readiness probe failed: no"));
  });

  test("needs as many successes in a row as declared", async () => {
    const given = open({ readinessProbe: probe({ successThreshold: 3 }) });
    await given.pass(19);
    expect(given.verdict().ready).toBe(false);
    await given.pass(1);
    expect(given.verdict().ready).toBe(true);
  });
});

describe("liveness", () => {
  test("fails for good after three failures in a row, with the probe's own grace", async () => {
    const given = open({ livenessProbe: probe({ terminationGracePeriodSeconds: 7 }) });
    given.state.healthy = false;
    await given.pass(19);
    expect(given.verdict().failed).toBeUndefined();
    await given.pass(1);
    expect(given.verdict().failed).toEqual({ probe: "Liveness", graceSeconds: 7 });
  });

  test("forgives failures that do not follow each other", async () => {
    const given = open({ livenessProbe: probe({ failureThreshold: 2 }) });
    await given.pass(0);
    for (const healthy of [false, true, false, true, false]) {
      given.state.healthy = healthy;
      await given.pass(10);
    }
    expect(given.verdict().failed).toBeUndefined();
  });

  test("is not asked of a pod that is being deleted, readiness is", async () => {
    const given = open({ livenessProbe: probe(), readinessProbe: probe({ periodSeconds: 1 }) });
    await given.pass(0);
    const metadata = { ...given.pod.metadata, deletionTimestamp: "2026-01-01T00:00:30Z" };
    given.prober.update({ ...given.pod, metadata }, [container], "10.88.0.5");
    given.state.healthy = false;
    await given.pass(60);
    expect(given.verdict().failed).toBeUndefined();
    expect(given.verdict().ready).toBe(false);
  });
});

describe("a startup probe", () => {
  test("holds up the others until it succeeds", async () => {
    const given = open({ startupProbe: probe({ periodSeconds: 5 }), livenessProbe: probe({ periodSeconds: 1 }) });
    given.state.healthy = false;
    await given.pass(9);
    expect(given.asked).toEqual([0, 5]);
    expect(given.verdict()).toEqual({ started: false, ready: false });
    given.state.healthy = true;
    await given.pass(1);
    expect(given.verdict()).toEqual({ started: true, ready: true });
  });

  test("fails for good after its threshold", async () => {
    const given = open({ startupProbe: probe({ failureThreshold: 2 }) });
    given.state.healthy = false;
    await given.pass(10);
    expect(given.verdict().failed).toEqual({ probe: "Startup" });
  });
});

test("what ended is not asked any more", async () => {
  const given = open({ livenessProbe: probe() });
  await given.pass(0);
  given.prober.update(given.pod, [], "10.88.0.5");
  await given.pass(60);
  expect(given.asked).toEqual([0]);
});

describe("what was told of a running container holds for a new agent", () => {
  const told = (id: string) =>
    samplePod(
      { containers: [sampleContainer({ readinessProbe: probe() })] },
      {
        status: {
          containerStatuses: [
            { name: "main", image: "", imageID: "", restartCount: 0, ready: true, started: true, containerID: id },
          ],
        },
      },
    );
  test.each([
    { name: "of this very container", id: "containerd://main-0", ready: true },
    { name: "not of another life", id: "containerd://main-9", ready: false },
  ])("$name", ({ id, ready }) => {
    expect(open({}, told(id)).verdict().ready).toBe(ready);
  });
});

describe("a probe by HTTP", () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });
  const serve = (status: number, wait = false): Promise<number> =>
    serving((_, answer) => {
      if (!wait) answer.writeHead(status).end("said");
    });
  const serving = async (answering: RequestListener): Promise<number> => {
    const server = createServer(answering);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  };

  test("finds its port by name, and gives back what was said", async () => {
    const port = await serve(200);
    const named = sampleContainer({ ports: [{ name: "web", containerPort: port }] });
    const answer = await httpGet({ port: "web", path: "healthz" }, named, "127.0.0.1", { timeoutMs: 5000 });
    expect(answer).toEqual({ ok: true, status: 200, body: "said" });
  });

  const leading = (to: (url: string) => string | undefined) =>
    serving(({ url = "" }, answer) => {
      const location = to(url);
      if (location === undefined) answer.writeHead(200).end(`at ${url}`);
      else answer.writeHead(302, { location }).end("elsewhere");
    });

  test("follows a redirect on the same host", async () => {
    const port = await leading((url) => (url === "/" ? "/there?with=this" : undefined));
    const answer = await httpGet({ port }, sampleContainer(), "127.0.0.1", { timeoutMs: 5000 });
    expect(answer).toEqual({ ok: true, status: 200, body: "at /there?with=this" });
  });

  test("takes a redirect to another host for an answer", async () => {
    const port = await leading(() => "http://0.0.0.0/");
    const answer = await httpGet({ port }, sampleContainer(), "127.0.0.1", { timeoutMs: 5000 });
    expect(answer).toEqual({ ok: true, status: 302, body: "elsewhere" });
  });

  test("gives up redirects that go round", async () => {
    const port = await leading((url) => url);
    const answer = await httpGet({ port, path: "/round" }, sampleContainer(), "127.0.0.1", { timeoutMs: 5000 });
    const fault = `Get "http://127.0.0.1:${port}/round": stopped after 10 redirects`;
    expect(answer).toEqual({ ok: false, fault });
  });

  test("says in known words that nobody listens, or that it took too long", async () => {
    const port = await serve(200, true);
    const late = await httpGet({ port }, sampleContainer(), "127.0.0.1", { timeoutMs: 50 });
    expect(late).toEqual({
      ok: false,
      fault: `Get "http://127.0.0.1:${port}/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    });
    const nobody = await httpGet({ port: 1 }, sampleContainer(), "127.0.0.1", { timeoutMs: 5000 });
    expect(nobody).toMatchObject({
      fault: 'Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused',
    });
  });
});
