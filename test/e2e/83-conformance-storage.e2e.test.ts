import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { type Stories, show, type Teller, tell } from "./tools/stories.ts";
import { images, scriptPod } from "./tools/workloads.ts";

/* Folders of pods, in the order and by the names of upstream's conformance list. All pods are made at once. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "conformance-storage");
const folder = mkdtempSync(join(tmpdir(), "navarch-host-path-"));
const socket = createServer().listen(join(folder, "socket"));
afterAll(() => {
  socket.close();
  rmSync(folder, { recursive: true, force: true });
});

const modes = ["644", "666", "777"];
const configMap = (name: string, data: object) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });
const raced = Array.from({ length: 50 }, (_, at) => `race-${at}`);
const racers = ["racer-1", "racer-2", "racer-3", "racer-4", "racer-5"];

/** Writes a file of each mode into each medium, and tells the modes of all. */
const emptyFolders = (name: string, runAsUser: number): Teller => ({
  name,
  volumes: { "/default": { emptyDir: {} }, "/tmpfs": { emptyDir: { medium: "Memory" } } },
  script: `
    for medium in default tmpfs; do
      echo "$medium $(stat -c %a /$medium) $(awk -v at=/$medium '$2 == at { print $3 }' /proc/mounts)"
      for mode in ${modes.join(" ")}; do
        echo "content of $mode" > /$medium/$mode; chmod $mode /$medium/$mode
        echo "$(stat -c '%a %u' /$medium/$mode) $medium $(cat /$medium/$mode)"
      done
    done`,
  spec: { securityContext: { runAsUser } },
});

const subPaths: Teller = {
  name: "subpaths",
  script: show("/probe/configmap", "/etc/resolv.conf", "/probe/secret", "/probe/podname", "/probe/projected"),
  mounts: [
    { name: "config", mountPath: "/probe/configmap", subPath: "configmap-key" },
    { name: "config", mountPath: "/etc/resolv.conf", subPath: "configmap-key" },
    { name: "secret", mountPath: "/probe/secret", subPath: "secret-key" },
    { name: "downward", mountPath: "/probe/podname", subPath: "downward/podname" },
    { name: "projected", mountPath: "/probe/projected", subPath: "projected/configmap-key" },
  ],
  spec: {
    volumes: [
      { name: "config", configMap: { name: "config" } },
      { name: "secret", secret: { secretName: "secret" } },
      {
        name: "downward",
        downwardAPI: { items: [{ path: "downward/podname", fieldRef: { fieldPath: "metadata.name" } }] },
      },
      {
        name: "projected",
        projected: {
          sources: [
            { configMap: { name: "config", items: [{ key: "configmap-key", path: "projected/configmap-key" }] } },
          ],
        },
      },
    ],
  },
};

const hostPaths: Teller = {
  name: "host-paths",
  script: `
    echo written > /created/file
    ${show("/any/file", "/created/file", "/file")}
    stat -c '%n %a %F' /created /made-file
    test -S /socket && echo a socket; test -c /device && echo a device`,
  volumes: {
    "/any": { hostPath: { path: join(folder, "there") } },
    "/created": { hostPath: { path: join(folder, "new/folder"), type: "DirectoryOrCreate" } },
    "/file": { hostPath: { path: join(folder, "there/file"), type: "File" } },
    "/made-file": { hostPath: { path: join(folder, "made"), type: "FileOrCreate" } },
    "/socket": { hostPath: { path: join(folder, "socket"), type: "Socket" } },
    "/device": { hostPath: { path: "/dev/null", type: "CharDevice" } },
  },
};

const tellers: readonly Teller[] = [
  emptyFolders("root", 0),
  emptyFolders("non-root", 1001),
  subPaths,
  hostPaths,
  {
    name: "wrapped",
    script: show("/secret/secret-key", "/config/configmap-key"),
    volumes: { "/secret": { secret: { secretName: "secret" } }, "/config": { configMap: { name: "config" } } },
  },
  ...racers.map((name) => ({
    name,
    script: "cat /race/*/data",
    volumes: Object.fromEntries(raced.map((each) => [`/race/${each}`, { configMap: { name: each } }])),
  })),
];

let stories: Stories;
beforeAll(async () => {
  mkdirSync(join(folder, "there"));
  writeFileSync(join(folder, "there/file"), "from the node", { mode: 0o640 });
  await cluster.apply(
    ns,
    configMap("config", { "configmap-key": "configmap-value" }),
    { apiVersion: "v1", kind: "Secret", metadata: { name: "secret" }, stringData: { "secret-key": "secret-value" } },
    ...raced.map((name) => configMap(name, { data: `${name}\n` })),
    sharing,
  );
  stories = await tell(cluster, ns, tellers);
});

const sharing = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "sharing" },
  spec: {
    restartPolicy: "Never",
    volumes: [{ name: "shared", emptyDir: {} }],
    containers: [
      { name: "main", script: "until cat /shared/file; do sleep 0.2; done" },
      { name: "sub", script: "echo hello from the sub-container > /shared/new; mv /shared/new /shared/file" },
    ].map(({ name, script }) => ({
      name,
      image: images.busybox,
      command: ["sh", "-c", script],
      volumeMounts: [{ name: "shared", mountPath: "/shared" }],
    })),
  },
};

describe("EmptyDir volumes", () => {
  test.each([
    { name: "should support (root,0644,default)", pod: "root", says: "644 0 default content of 644" },
    { name: "should support (root,0666,default)", pod: "root", says: "666 0 default content of 666" },
    { name: "should support (root,0777,default)", pod: "root", says: "777 0 default content of 777" },
    { name: "should support (root,0644,tmpfs)", pod: "root", says: "644 0 tmpfs content of 644" },
    { name: "should support (root,0666,tmpfs)", pod: "root", says: "666 0 tmpfs content of 666" },
    { name: "should support (root,0777,tmpfs)", pod: "root", says: "777 0 tmpfs content of 777" },
    { name: "should support (non-root,0644,default)", pod: "non-root", says: "644 1001 default content of 644" },
    { name: "should support (non-root,0666,default)", pod: "non-root", says: "666 1001 default content of 666" },
    { name: "should support (non-root,0777,default)", pod: "non-root", says: "777 1001 default content of 777" },
    { name: "should support (non-root,0644,tmpfs)", pod: "non-root", says: "644 1001 tmpfs content of 644" },
    { name: "should support (non-root,0666,tmpfs)", pod: "non-root", says: "666 1001 tmpfs content of 666" },
    { name: "should support (non-root,0777,tmpfs)", pod: "non-root", says: "777 1001 tmpfs content of 777" },
    { name: "volume on default medium should have the correct mode", pod: "root", says: /^default 777 \w+$/m },
    { name: "volume on tmpfs should have the correct mode", pod: "root", says: /^tmpfs 777 tmpfs$/m },
  ])("$name", ({ pod, says }) => {
    expect(stories(pod).join("\n")).toMatch(says);
  });

  test("pod should support shared volumes between containers", async () => {
    await cluster.kubectl("wait", "-n", ns, "--for=jsonpath={.status.phase}=Succeeded", "pod/sharing", "--timeout=60s");
    expect(await cluster.kubectl("logs", "-n", ns, "sharing", "-c", "main")).toContain(
      "hello from the sub-container\n",
    );
  });
});

describe("EmptyDir wrapper volumes", () => {
  test("should not conflict", () => {
    expect(stories("wrapped")).toEqual([
      "/secret/secret-key 644 secret-value",
      "/config/configmap-key 644 configmap-value",
    ]);
  });

  test("should not cause race condition when used for configmaps", () => {
    for (const name of racers) expect([...stories(name)].sort(), name).toEqual([...raced].sort());
  });
});

describe("Subpath", () => {
  test.each([
    {
      name: "Atomic writer volumes should support subpaths with configmap pod",
      says: "/probe/configmap 644 configmap-value",
    },
    {
      name: "Atomic writer volumes should support subpaths with configmap pod with mountPath of existing file",
      says: "/etc/resolv.conf 644 configmap-value",
    },
    { name: "Atomic writer volumes should support subpaths with secret pod", says: "/probe/secret 644 secret-value" },
    { name: "Atomic writer volumes should support subpaths with downward pod", says: "/probe/podname 644 subpaths" },
    {
      name: "Atomic writer volumes should support subpaths with projected pod",
      says: "/probe/projected 644 configmap-value",
    },
  ])("$name", ({ says }) => {
    expect(stories("subpaths")).toContain(says);
  });
});

describe("HostPath", () => {
  test("what is there is seen, and made where the type says so", () => {
    expect(stories("host-paths")).toEqual([
      "/any/file 640 from the node",
      "/created/file 644 written",
      "/file 640 from the node",
      "/created 755 directory",
      "/made-file 644 regular empty file",
      "a socket",
      "a device",
    ]);
  });

  test("what is of another type is not mounted, and an event says why", async () => {
    const path = join(folder, "there/file");
    const volumes = [{ name: "wrong", hostPath: { path, type: "Directory" } }];
    const containers = [
      { name: "main", image: images.busybox, volumeMounts: [{ name: "wrong", mountPath: "/wrong" }] },
    ];
    await cluster.apply(ns, scriptPod("wrong-type", "", { volumes, containers }));
    await eventually("the event is there", async () => {
      const events = await cluster.kubectl(
        "get",
        "events",
        "-n",
        ns,
        "--field-selector=involvedObject.name=wrong-type",
      );
      expect(events).toContain(`hostPath type check failed: ${path} is not a directory`);
    });
    await cluster.kubectl("delete", "pod", "-n", ns, "wrong-type", "--wait=false");
  });
});
