import { describe, expect, test } from "vitest";
import type { Container, PodSpec } from "../../api/generated/core-v1.ts";
import { sampleContainer, samplePod } from "../testing/samples.ts";
import { type ContainerContext, containerConfig, sandboxConfig } from "./container-config.ts";
import { hostsFile } from "./hosts-file.ts";

const image = { id: "sha256:1", repoTags: [], repoDigests: [], sizeBytes: 1, username: "", pinned: false };
const context: ContainerContext = {
  image,
  environment: [{ name: "WHO", value: "me" }],
  volumes: new Map([["work", { path: "/volumes/work", readonly: false }]]),
  hostsFile: "/pod/hosts",
  restartCount: 0,
  capacityMemory: 2 ** 30,
  subPath: (volume, path) => `${volume.path}/${path}`,
  terminationLog: "/pod/last-words",
};
const configOf = (container: Partial<Container>, spec: Partial<PodSpec> = {}, more: Partial<ContainerContext> = {}) => {
  const declared = sampleContainer(container);
  return containerConfig(samplePod({ containers: [declared], ...spec }), declared, { ...context, ...more });
};
const securityOf = (...given: Parameters<typeof configOf>) => configOf(...given).security;
const sandboxOf = (spec: Partial<PodSpec>) =>
  sandboxConfig(samplePod(spec), {
    logRoot: "/logs",
    dns: { servers: [], searches: [], options: [] },
    cgroupParent: "/pods",
    attempt: 0,
    clusterDomain: "cluster.local",
  });

describe("namespaces", () => {
  test.each([
    {
      name: "are the pod's, processes the container's",
      spec: {},
      expected: { network: "pod", pid: "container", ipc: "pod" },
    },
    { name: "may share processes", spec: { shareProcessNamespace: true }, expected: { pid: "pod" } },
    {
      name: "may be the node's",
      spec: { hostNetwork: true, hostPID: true, hostIPC: true },
      expected: { network: "node", pid: "node", ipc: "node" },
    },
  ])("$name, of the sandbox and of containers alike", ({ spec, expected }) => {
    expect(sandboxOf(spec).security?.namespaces).toMatchObject(expected);
    expect(securityOf({}, spec)?.namespaces).toMatchObject(expected);
  });

  test("of processes are those of the container that an ephemeral one is for", () => {
    expect(securityOf({}, {}, { targetId: "c1" })?.namespaces).toMatchObject({ pid: "target", targetId: "c1" });
  });
});

test("a sandbox is told what its containers take and what it takes itself, for those that must be so large", () => {
  const resources = { requests: { cpu: "500m" }, limits: { cpu: "1", memory: "64Mi" } };
  const containers = [sampleContainer({ resources }), sampleContainer({ name: "other", resources })];
  const { overhead, resources: all } = sandboxOf({ containers, overhead: { cpu: "250m", memory: "120Mi" } });
  expect(all).toEqual({ cpuShares: 1024, cpuPeriod: 100_000, cpuQuota: 200_000, memoryLimitBytes: 2 ** 27 });
  expect(overhead).toEqual({ cpuShares: 256, cpuPeriod: 100_000, cpuQuota: 25_000, memoryLimitBytes: 120 * 2 ** 20 });
  expect(sandboxOf({})).not.toHaveProperty("overhead");
});

describe("a host name", () => {
  const spec = { hostname: "one", subdomain: "all" };
  test.each([
    { name: "is the pod's", spec: {}, host: "web", line: "10.0.0.1\tweb" },
    { name: "is what is declared", spec, host: "one", line: "10.0.0.1\tone.all.default.svc.cluster.local\tone" },
    {
      name: "is the whole one where that is wished",
      spec: { ...spec, setHostnameAsFQDN: true },
      host: "one.all.default.svc.cluster.local",
      line: "10.0.0.1\tone.all.default.svc.cluster.local\tone",
    },
    {
      name: "is the other one that takes the place of all",
      spec: { ...spec, hostnameOverride: "db.example.com" },
      host: "db.example.com",
      line: "10.0.0.1\tdb.example.com",
    },
    { name: "in the node's network is none of its own", spec: { hostNetwork: true }, host: undefined, line: "" },
  ])("$name, and the hosts file says so", ({ spec: given, host, line }) => {
    expect(sandboxOf(given).hostname).toBe(host);
    const lines = hostsFile(samplePod(given), ["10.0.0.1"], "cluster.local", () => "").split("\n");
    expect(lines.filter((each) => each.startsWith("10.0.0.1")).join()).toBe(line);
  });

  test("is cut to what a host may be called", () => {
    const name = `${"a".repeat(62)}-b`;
    const pod = samplePod({}, { metadata: { name } });
    expect(hostsFile(pod, ["10.0.0.1"], "cluster.local")).toContain(`10.0.0.1\t${"a".repeat(62)}\n`);
  });
});

describe("what the kernel lets a container do", () => {
  const localhost = { type: "Localhost", localhostProfile: "mine" } as const;
  test.each([
    {
      name: "has none with procMount Unmasked",
      own: { procMount: "Unmasked" },
      spec: {},
      expected: { maskedPaths: [], readonlyPaths: [] },
    },
    {
      name: "is confined as the pod says",
      own: {},
      spec: { seccompProfile: { type: "RuntimeDefault" }, appArmorProfile: { type: "RuntimeDefault" } },
      expected: { seccomp: { type: "runtimeDefault" }, apparmor: { type: "runtimeDefault" } },
    },
    {
      name: "is confined as the container says before that",
      own: { seccompProfile: localhost, appArmorProfile: localhost },
      spec: { seccompProfile: { type: "RuntimeDefault" }, appArmorProfile: { type: "Unconfined" } },
      expected: { seccomp: { type: "localhost", ref: "mine" }, apparmor: { type: "localhost", ref: "mine" } },
    },
    {
      name: "is not confined where it is privileged",
      own: { privileged: true, allowPrivilegeEscalation: false },
      spec: { seccompProfile: { type: "RuntimeDefault" } },
      expected: { privileged: true, seccomp: { type: "unconfined" }, noNewPrivileges: false },
    },
    {
      name: "includes no new privileges where they are not allowed",
      own: { allowPrivilegeEscalation: false },
      spec: {},
      expected: { noNewPrivileges: true },
    },
    {
      name: "names its capabilities",
      own: { capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] } },
      spec: {},
      expected: { addCapabilities: ["NET_ADMIN"], dropCapabilities: ["ALL"] },
    },
    {
      name: "has the users and groups of the container before the pod's",
      own: { runAsUser: 1 },
      spec: { runAsUser: 2, runAsGroup: 3, supplementalGroups: [4], fsGroup: 5 },
      expected: { runAsUser: 1, runAsGroup: 3, supplementalGroups: [4, 5] },
    },
    {
      name: "keeps the image's groups out where only the declared ones count",
      own: {},
      spec: { supplementalGroupsPolicy: "Strict" },
      expected: { supplementalGroupsPolicy: "strict" },
    },
  ] as const)("$name", ({ own, spec, expected }) => {
    expect(securityOf({ securityContext: own }, { securityContext: spec })).toMatchObject(expected);
  });

  test("has the runtime's usual masks by default", () => {
    expect(securityOf({})).not.toHaveProperty("maskedPaths");
    expect(securityOf({})).not.toHaveProperty("readonlyPaths");
  });

  test("is root's nowhere that root is not wished", () => {
    const securityContext = { runAsNonRoot: true };
    const by = (more: object) => () => configOf({ securityContext }, {}, { image: { ...image, ...more } });
    expect(by({})).toThrow("container has runAsNonRoot and image will run as root");
    expect(by({ username: "www" })).toThrow("image has non-numeric user (www), cannot verify user is non-root");
    expect(by({ uid: 7 })().security?.runAsUser).toBe(7);
    expect(() => configOf({ securityContext: { runAsUser: 0, runAsNonRoot: true } })).toThrow("breaks non-root policy");
  });
});

test("a container may be asked to end by a signal of its own", () => {
  expect(configOf({ lifecycle: { stopSignal: "SIGUSR1" } }).stopSignal).toBe("SIGUSR1");
  expect(configOf({})).not.toHaveProperty("stopSignal");
});

describe("mounts", () => {
  const mounted = (more: object, volume: object = {}) =>
    configOf(
      { volumeMounts: [{ name: "work", mountPath: "/work", ...more }] },
      {},
      { volumes: new Map([["work", { path: "/volumes/work", readonly: false, ...volume }]]) },
    ).mounts?.[0];

  test.each([
    { name: "see nothing of what is mounted later", more: {}, expected: { propagation: "private", readonly: false } },
    {
      name: "see what the node mounts later",
      more: { mountPropagation: "HostToContainer" },
      expected: { propagation: "hostToContainer" },
    },
    {
      name: "show the node what the container mounts",
      more: { mountPropagation: "Bidirectional" },
      expected: { propagation: "bidirectional" },
    },
    {
      name: "are read-only with all below",
      more: { readOnly: true, recursiveReadOnly: "Enabled" },
      expected: { readonly: true, recursiveReadonly: true },
    },
    { name: "are of a part", more: { subPath: "a/b" }, expected: { hostPath: "/volumes/work/a/b" } },
    {
      name: "are of a part that a variable names",
      more: { subPathExpr: "$(WHO)/x" },
      expected: { hostPath: "/volumes/work/me/x" },
    },
  ])("$name", ({ more, expected }) => {
    expect(mounted(more)).toMatchObject({ containerPath: "/work", ...expected });
  });

  test("of what cannot be written are read-only whatever they say", () => {
    expect(mounted({ readOnly: false }, { readonly: true })).toMatchObject({ readonly: true });
  });

  test("of the hosts and of last words give way to the author's", () => {
    const own = configOf({ volumeMounts: [{ name: "work", mountPath: "/etc/hosts" }] }).mounts;
    expect(own?.filter(({ containerPath }) => containerPath === "/etc/hosts")).toEqual([
      expect.objectContaining({ hostPath: "/volumes/work" }),
    ]);
    const usual = configOf({ terminationMessagePath: "/last" }).mounts;
    expect(usual).toEqual([
      { containerPath: "/etc/hosts", hostPath: "/pod/hosts" },
      { containerPath: "/last", hostPath: "/pod/last-words" },
    ]);
  });
});
