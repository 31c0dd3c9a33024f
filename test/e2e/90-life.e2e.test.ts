import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import type { KubeJson } from "./tools/cluster.ts";
import { eventually } from "./tools/eventually.ts";
import { hostnames, loadBalancer } from "./tools/guestbook.ts";
import { difference, machineState } from "./tools/machine-state.ts";
import { sharedCluster } from "./tools/spec.ts";

/* These end and start the cluster that the other specs have used, in this order; each leaves it running but the last. */

const cluster = sharedCluster();
const before = new Set(inject("before"));

/** What must be the same after a restart: each pod and each of its containers. */
async function identities(): Promise<readonly string[]> {
  return (await allPods()).map(({ metadata, status }) => {
    const containers = status.containerStatuses as readonly { containerID: string; restartCount: number }[];
    return [metadata.name, metadata.uid, ...containers.map((one) => `${one.containerID} ${one.restartCount}`)].join(
      " ",
    );
  });
}

async function allPods(): Promise<readonly KubeJson[]> {
  return (await cluster.get("pods", "-n", "default")).items;
}

async function allReady(): Promise<void> {
  await eventually("all six pods of the guestbook are ready", async () => {
    const pods = await allPods();
    expect(pods).toHaveLength(6);
    for (const { metadata, status } of pods)
      expect(status.containerStatuses?.[0]?.ready, `${metadata.name} is ready`).toBe(true);
  });
}

/** A replica that has just started copies from the primary first. */
async function expectEntries(key: string, expected: readonly string[]): Promise<void> {
  const url = await loadBalancer(cluster);
  await eventually(`the guestbook holds ${expected}`, async () => {
    const answer = await fetch(`${url}/lrange/${key}`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual(expected);
  });
}

async function push(key: string, entry: string): Promise<void> {
  const url = await loadBalancer(cluster);
  // A push is not repeated, so what it needs must be there first.
  await eventually("primary and replica answer", async () => {
    expect((await fetch(`${url}/lrange/${key}`)).status).toBe(200);
  });
  const answer = await fetch(`${url}/rpush/${key}/${entry}`);
  expect(answer.status, await answer.text()).toBe(200);
}

/** Writes objects as fast as it can until the server is gone; returns the names of those it was told are kept. */
async function writeUntilGone(prefix: string, kill: () => Promise<void>): Promise<readonly string[]> {
  const acknowledged: string[] = [];
  const writer = async (lane: number) => {
    for (let count = 0; ; count++) {
      const name = `${prefix}-${lane}-${count}`;
      const { code } = await cluster.tryKubectl(["create", "configmap", name, `--from-literal=value=${name}`]);
      if (code !== 0) return;
      acknowledged.push(name);
    }
  };
  const writers = Promise.all([writer(1), writer(2), writer(3)]);
  await eventually("some writes are acknowledged", () => acknowledged.length >= 20);
  await kill();
  await writers;
  return acknowledged;
}

async function expectKept(names: readonly string[]): Promise<void> {
  const kept = new Map((await cluster.get("configmaps")).items.map(({ metadata, data }) => [metadata.name, data]));
  for (const name of names) expect(kept.get(name), `configmap ${name}`).toEqual({ value: name });
}

describe("kill -9", () => {
  test("of the control plane: it is started again, no acknowledged write is lost, containers do not notice", async () => {
    await allReady();
    const same = await identities();
    const server = cluster.pid("server");
    const names = await writeUntilGone("server", () => cluster.killNow("server"));
    await eventually("another process serves", async () => {
      expect(cluster.pid("server")).not.toBe(server);
      await cluster.kubectl("get", "--raw", "/readyz");
    });
    expect(cluster.said()).toMatch(/the server process was started again: it ended with SIGKILL/);
    await expectKept(names);
    await eventually("the node reports again", async () => {
      await cluster.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=5s");
    });
    expect(await identities()).toEqual(same);
  });

  test("of the node's process: it is started again and adopts the containers, which have answered meanwhile", async () => {
    const same = await identities();
    const agent = cluster.pid("agent");
    const url = await loadBalancer(cluster);
    await cluster.killNow("agent");
    expect(await hostnames(url, 5)).toHaveLength(5);
    await eventually("another process runs the node", () => cluster.pid("agent") !== agent);
    await cluster.kubectl("run", "proof", "--image=navarch.local/busybox:1.35", "--restart=Never", "--", "true");
    await cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/proof", "--timeout=60s");
    await cluster.kubectl("delete", "pod", "proof");
    expect(await identities()).toEqual(same);
  });

  test("of navarch up: its parts end, the next start loses nothing and adopts the containers", async () => {
    const same = await identities();
    await push("killed", "one");
    const parts = [cluster.pid("server"), cluster.pid("agent")];
    const names = await writeUntilGone("up", () => cluster.killNow("up"));
    await cluster.up();
    for (const pid of parts) expect([cluster.pid("server"), cluster.pid("agent")]).not.toContain(pid);
    await expectKept(names);
    await allReady();
    expect(await identities()).toEqual(same);
    await expectEntries("killed", ["one"]);
  });

  test("of all three processes at once: the next start loses nothing and adopts the containers", async () => {
    const same = await identities();
    const names = await writeUntilGone("all", () => cluster.killNow("up", "server", "agent"));
    await cluster.up();
    await expectKept(names);
    await allReady();
    expect(await identities()).toEqual(same);
    await expectEntries("killed", ["one"]);
    expect(new Set(await hostnames(await loadBalancer(cluster), 30)).size).toBe(3);
  });

  test("and then navarch down: what was left behind is taken away", async () => {
    await cluster.killNow("up", "server", "agent");
    const { code, stderr } = await cluster.navarch(["down", "--name", cluster.place.name]);
    const left = difference(before, machineState(), cluster.place);
    await cluster.up();
    expect(code, stderr).toBe(0);
    expect(left).toEqual([]);
    await allReady();
  });
});

describe("Ctrl-C", () => {
  test("stops all of it and leaves nothing on the machine", async () => {
    await push("stopped", "one");
    await push("stopped", "two");
    await cluster.interrupt();
    expect(cluster.said()).toMatch(/^ok stopping/m);
    expect(difference(before, machineState(), cluster.place)).toEqual([]);
  });

  test.each(["certificates", "control plane", "node"])("while it starts, after %s, ends it at once", async (phase) => {
    // What comes after the last phases takes a moment only: a busy machine may be through before it is interrupted.
    for (let attempt = 1; attempt === 1 || (cluster.said().includes("Ready in") && attempt <= 5); attempt += 1) {
      cluster.begin("--example", "guestbook");
      await eventually("the phase is over", () => expect(cluster.said()).toMatch(new RegExp(`^ok ${phase}`, "m")), {
        within: 60_000,
        every: 10,
      });
      await cluster.interrupt();
    }
    expect(cluster.said()).toContain("interrupted before the cluster was ready");
    expect(cluster.said()).not.toContain("Ready in");
    expect(difference(before, machineState(), cluster.place)).toEqual([]);
  });

  test("and the second start finds the same objects, pods and entries", async () => {
    await cluster.up("--example", "guestbook");
    await allReady();
    await expectEntries("stopped", ["one", "two"]);
    expect((await cluster.get("configmaps")).items.length).toBeGreaterThan(60);
  });

  test("keeps the identity of every pod", async () => {
    const identity = async () => (await allPods()).map(({ metadata }) => `${metadata.name} ${metadata.uid}`);
    const same = await identity();
    await cluster.interrupt();
    await cluster.up();
    await allReady();
    expect(await identity()).toEqual(same);
    await expectEntries("stopped", ["one", "two"]);
  });
});

describe("navarch down", () => {
  test("ends a cluster that runs; with --wipe nothing is left of it, not even in the kubeconfig", async () => {
    const { code, stderr } = await cluster.navarch(["down", "--wipe", "--name", cluster.place.name]);
    expect(code, stderr).toBe(0);
    expect(existsSync(cluster.dataDir)).toBe(false);
    expect(readFileSync(join(cluster.place.folder, "kubeconfig"), "utf8")).not.toContain("navarch-e2e");
    expect(difference(before, machineState(), cluster.place)).toEqual([]);
  });
});
