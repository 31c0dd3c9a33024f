import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { ContainerConfig, SandboxConfig } from "../runtime/runtime.ts";
import { sampleContainer } from "../testing/samples.ts";
import { openNode } from "../testing/worker-node.ts";
import { userRange } from "./user-ranges.ts";

test("each pod has users of its own, the same when asked again; those of one that is gone are free", () => {
  const folder = mkdtempSync(join(tmpdir(), "navarch-users-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const range = (hostId: number) => ({ hostId, containerId: 0, length: 65_536 });
  expect(userRange(folder, "a")).toEqual(range(65_536));
  expect(userRange(folder, "b")).toEqual(range(131_072));
  expect(userRange(folder, "a")).toEqual(range(65_536));
  rmSync(join(folder, "a"), { recursive: true });
  expect(userRange(folder, "c")).toEqual(range(65_536));
});

test("a pod without the node's users has a user namespace, its containers and volumes too", async () => {
  const node = openNode({ mount: async () => new Map([["data", { path: "/srv", readonly: false }]]) });
  const made: { sandbox?: SandboxConfig; container?: ContainerConfig } = {};
  const { runSandbox, createContainer } = node.runtime;
  node.runtime.runSandbox = (config, options) => {
    made.sandbox = config;
    return runSandbox.call(node.runtime, config, options);
  };
  node.runtime.createContainer = (id, config, sandbox, options) => {
    made.container = config;
    return createContainer.call(node.runtime, id, config, sandbox, options);
  };
  await node.create({
    hostUsers: false,
    volumes: [{ name: "data", emptyDir: {} }],
    containers: [sampleContainer({ volumeMounts: [{ name: "data", mountPath: "/data" }] })],
  });
  expect(node.ready()).toBe("True");
  const users = [{ hostId: 65_536, containerId: 0, length: 65_536 }];
  expect(made.sandbox?.security?.namespaces.userNamespace).toEqual({ uids: users, gids: users });
  expect(made.container?.security?.namespaces.userNamespace).toEqual({ uids: users, gids: users });
  expect(made.container?.mounts?.[0]).toMatchObject({ hostPath: "/srv", uidMappings: users, gidMappings: users });
  expect(existsSync(join(node.podsFolder, "uid-web", "userns"))).toBe(true);
});
