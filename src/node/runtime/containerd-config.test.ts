import { describe, expect, test } from "vitest";
import { containerdConfig, hasSysResource } from "./containerd-config.ts";
import { atLeast } from "./features.ts";
import { containerLabels, ownerOf, podLogDirectory, sandboxLabels } from "./labels.ts";
import { mountsBelow } from "./mounts.ts";
import { interfacesOf } from "./sandbox-usage.ts";

const settings = {
  root: "/n/root",
  state: "/n/state",
  socket: "/n/containerd.sock",
  sandboxImage: "example.com/pause:1",
  cniBinDir: "/usr/lib/cni",
  cniConfDir: "/n/net.d",
  restrictOomScoreAdj: true,
  systemdCgroup: false,
  snapshotter: "overlayfs",
  logLevel: "warn",
} as const;

describe("containerd's configuration", () => {
  test("is of version 2 and keeps everything inside of root and state", () => {
    const lines = containerdConfig(settings).split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "version = 2",
        'root = "/n/root"',
        'address = "/n/containerd.sock"',
        "restrict_oom_score_adj = true",
        "netns_mounts_under_state_dir = true",
        'Root = "/n/state/oci-runc"',
        "SystemdCgroup = false",
      ]),
    );
    expect(lines.join("\n")).not.toContain("config_path");
  });

  test("has a section per runtime handler, and the registries' folder when there is one", () => {
    const config = containerdConfig({
      ...settings,
      registryConfigPath: "/n/certs.d",
      handlers: { kata: { program: "kata" } },
    });
    expect(config).toContain('.containerd.runtimes."kata".options]\nBinaryName = "kata"\nRoot = "/n/state/oci-kata"');
    expect(config).toContain('.registry]\nconfig_path = "/n/certs.d"');
  });

  test.each([
    { mask: "000001ffffffffff", has: true },
    { mask: "000001fffeffffff", has: false },
    { mask: "0000000000000000", has: false },
  ])("knows from the mask $mask whether CAP_SYS_RESOURCE is there", ({ mask, has }) => {
    expect(hasSysResource(`Name:\tnode\nCapEff:\t${mask}\n`)).toBe(has);
  });
});

describe("versions", () => {
  test.each([
    ["1.6.20~ds1", "1.6", true],
    ["1.6.20~ds1", "1.7", false],
    ["v2.1.0-rc.1", "2.1", true],
    ["10.0", "9.9", true],
    ["unknown", "1.0", false],
  ] as const)("%s at least %s: %s", (version, wanted, result) => expect(atLeast(version, wanted)).toBe(result));
});

describe("mounts", () => {
  test("below a directory come innermost first, those of its namesakes not at all", () => {
    const mountinfo = [
      "1 0 0:1 / / rw - ext4 a rw",
      "2 1 0:2 / /n/state rw - tmpfs a rw",
      "3 2 0:3 / /n/state/a\\040b rw - overlay a rw",
      "4 1 0:4 / /n/state-other rw - tmpfs a rw",
    ].join("\n");
    expect(mountsBelow(mountinfo, "/n/state")).toEqual(["/n/state/a b", "/n/state"]);
  });
});

describe("labels", () => {
  test("name the pod and the container, and are read back", () => {
    const owner = { podName: "web", podNamespace: "shop", podUid: "u1", containerName: "main" };
    expect(ownerOf(containerLabels(owner))).toEqual(owner);
    expect(sandboxLabels(owner, { app: "web", "io.kubernetes.pod.uid": "forged" })).toEqual({
      app: "web",
      "io.kubernetes.pod.name": "web",
      "io.kubernetes.pod.namespace": "shop",
      "io.kubernetes.pod.uid": "u1",
    });
    expect(podLogDirectory("/var/log/pods", owner)).toBe("/var/log/pods/shop_web_u1");
  });
});

describe("interfaces", () => {
  test("are read from the kernel's table without the loopback one", () => {
    const table = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 1234567      10    2    0    0     0          0         0     7654      20    3    0    0     0       0          0
`;
    expect(interfacesOf(table)).toEqual([
      { name: "eth0", rxBytes: 1_234_567, rxErrors: 2, txBytes: 7_654, txErrors: 3 },
    ]);
  });
});
