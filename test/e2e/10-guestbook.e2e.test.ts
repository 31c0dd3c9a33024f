import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { examples, hostnames, loadBalancer } from "./tools/guestbook.ts";
import { sharedCluster } from "./tools/spec.ts";

const cluster = sharedCluster();
const { kubectl } = cluster;
const guestbook = join(examples, "guestbook/");
const pods = () => cluster.get("pods", "-l", "app=guestbook");
const replicas = async (count: number) => {
  await eventually(`the guestbook has ${count} pods, all ready`, async () => {
    const { items } = await pods();
    expect(items.map(({ status }) => status.containerStatuses?.[0]?.ready)).toEqual(Array(count).fill(true));
  });
};

describe("navarch up", () => {
  test("says what each phase took, where the example answers, and which line to try next", () => {
    const said = inject("firstStart");
    for (const phase of ["machine", "certificates", "control plane", "node", "images", "example guestbook"]) {
      expect(said).toMatch(new RegExp(`^ok ${phase} +\\d+\\.\\d s`, "m"));
    }
    expect(said).toMatch(/answers at +http:\/\/[\d.]+:3000/);
    expect(said).toMatch(new RegExp(`Try next: +kubectl --context navarch-${cluster.place.name} get pods`));
  });

  test("made its context the current one", async () => {
    expect((await kubectl("config", "current-context")).trim()).toBe(`navarch-${cluster.place.name}`);
    expect(await kubectl("cluster-info")).toMatch(/Kubernetes control plane.*is running at.*https:\/\/127\.0\.0\.1:/);
  });
});

describe("looking at the cluster", () => {
  test("get nodes --show-labels shows the node, ready, with the labels every node has", async () => {
    const [head, node, ...more] = (await kubectl("get", "nodes", "--show-labels")).trim().split("\n");
    expect(head).toMatch(/^NAME +STATUS +ROLES +AGE +VERSION +LABELS$/);
    expect(node).toMatch(/^\S+ +Ready +\S+ +\S+ +v1\.\d+\.\d+ /);
    for (const label of ["kubernetes.io/hostname=", "kubernetes.io/os=linux", "kubernetes.io/arch="])
      expect(node).toContain(label);
    expect(more).toEqual([]);
  });

  test("get pods -o wide -w shows what is there, and then each change as it comes", async () => {
    await using watching = cluster.startKubectl("get", "pods", "-o", "wide", "-w");
    await watching.says(/NAME +READY +STATUS +RESTARTS +AGE +IP +NODE/);
    await watching.says(/guestbook-\w+ +1\/1 +Running +0 .* 10\.\d+\.\d+\.\d+ /);
    await kubectl("run", "watched", "--image=navarch.local/busybox:1.35", "--restart=Never", "--", "true");
    try {
      for (const status of ["Pending", "ContainerCreating", "Completed"])
        await watching.says(new RegExp(`^watched +0/1 +${status}`, "m"), { within: 20_000 });
    } finally {
      await kubectl("delete", "pod", "watched");
    }
  });

  test("describe pod -l app=guestbook tells each pod's node, address, containers and story", async () => {
    const text = await kubectl("describe", "pod", "-l", "app=guestbook");
    for (const { metadata, status } of (await pods()).items) {
      expect(text).toMatch(new RegExp(`^Name: +${metadata.name}$`, "m"));
      expect(text).toMatch(new RegExp(`^IP: +${status.podIP}$`, "m"));
    }
    for (const line of [
      /^Controlled By: +ReplicationController\/guestbook$/m,
      /^Service Account: +default$/m,
      /^ +State: +Running$/m,
      /^ +Readiness: +http-get /m,
      /^ +Normal +Scheduled .* Successfully assigned default\/guestbook-\w+ to /m,
      /^ +Normal +Pulled .* Container image "navarch.local\/guestbook:v1" already present/m,
      /^ +Normal +Started .* kubelet /m,
    ]) {
      expect(text).toMatch(line);
    }
    expect(await kubectl("describe", "service", "guestbook")).toMatch(/^LoadBalancer Ingress: +\S+ \(VIP\)$/m);
  });
});

describe("the guestbook", () => {
  test("a loop of requests to the load balancer is answered by all three pods", async () => {
    const url = await loadBalancer(cluster);
    const names = (await pods()).items.map(({ metadata }) => metadata.name);
    expect(names).toHaveLength(3);
    const seen = new Set<string>();
    await eventually("every pod has answered", async () => {
      for (const name of await hostnames(url, 10)) seen.add(name);
      expect([...seen].sort()).toEqual([...names].sort());
    });
  });

  test("an entry that is pushed is read back from a replica", async () => {
    const url = await loadBalancer(cluster);
    await fetch(`${url}/rpush/first/hello`);
    await eventually("the replicas have the entry", async () => {
      expect(await (await fetch(`${url}/lrange/first`)).json()).toEqual(["hello"]);
    });
  });

  test("scale gives it more pods and takes them away again", async () => {
    expect(await kubectl("scale", "rc", "guestbook", "--replicas=5")).toContain("scaled");
    await replicas(5);
    await kubectl("scale", "rc", "guestbook", "--replicas=3");
    await replicas(3);
    expect(await kubectl("get", "rc", "guestbook")).toMatch(/^guestbook +3 +3 +3 /m);
  });

  test("deleting a pod brings another", async () => {
    const victim = (await pods()).items[0]!.metadata.name;
    await kubectl("delete", "pod", victim);
    await replicas(3);
    expect((await pods()).items.map(({ metadata }) => metadata.name)).not.toContain(victim);
  });

  test("edit changes it with the editor that the user has", async () => {
    const editor = join(cluster.place.folder, "editor.sh");
    writeFileSync(editor, '#!/bin/sh\nsed -i "s/^  replicas: 3$/  replicas: 4/" "$1"\n', { mode: 0o755 });
    const env = { ...cluster.env, EDITOR: editor };
    const edited = await cluster.tryKubectl(["edit", "rc", "guestbook"], { env });
    expect(edited.stderr + edited.stdout).toContain("replicationcontroller/guestbook edited");
    await replicas(4);
    const again = await cluster.tryKubectl(["edit", "rc", "guestbook"], { env });
    expect(again.stderr + again.stdout).toContain("Edit cancelled, no changes made.");
    await kubectl("scale", "rc", "guestbook", "--replicas=3");
    await replicas(3);
  });

  test("delete -f of the folder takes it all away, create -f of the folder makes it again", async () => {
    await kubectl("delete", "-f", guestbook, "--timeout=90s");
    await eventually("nothing of it is left", async () => {
      expect((await cluster.get("pods,rc")).items.map(({ metadata }) => metadata.name)).toEqual([]);
      expect((await cluster.get("services")).items.map(({ metadata }) => metadata.name)).toEqual(["kubernetes"]);
    });
    const created = await kubectl("create", "-f", guestbook);
    expect(created.trim().split("\n")).toEqual([
      "replicationcontroller/redis-master created",
      "service/redis-master created",
      "replicationcontroller/redis-slave created",
      "service/redis-slave created",
      "replicationcontroller/guestbook created",
      "service/guestbook created",
    ]);
    await replicas(3);
    const url = await loadBalancer(cluster);
    await eventually("it answers", async () => expect(new Set(await hostnames(url, 20)).size).toBe(3));
  });

  test("creating what is there already is refused, object by object", async () => {
    const { code, stderr } = await cluster.tryKubectl(["create", "-f", guestbook]);
    expect(code).toBe(1);
    expect(stderr.match(/\(AlreadyExists\): error when creating/g)).toHaveLength(6);
  });
});
