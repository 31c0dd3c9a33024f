import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { planCluster } from "./config.ts";
import { keptNodes, localNodes } from "./local-nodes.ts";
import { localSettings, nodeLabels, wayToOthers } from "./node-settings.ts";

const folder = mkdtempSync(join(tmpdir(), "navarch-nodes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const plan = (name: string, wishes: object = {}) =>
  planCluster({ name, nodeName: "m", dataDir: join(folder, name), ...wishes }, { NAVARCH_DATA: folder });

test("one node is the machine itself, has no zone and no way to others", () => {
  const config = plan("one");
  const nodes = localNodes(config);
  expect(nodes).toEqual([
    { number: 1, name: "m", address: config.nodeAddress, title: "one", folder: join(folder, "one", "node") },
  ]);
  const settings = localSettings(config, nodes[0]);
  expect(wayToOthers(settings)).toEqual({ kind: "none" });
  expect(settings.server).toBe(`https://127.0.0.1:${config.apiPort}`);
  expect(Object.keys(nodeLabels(settings)).filter((label) => label.includes("zone"))).toEqual([]);
});

test("further nodes have names, addresses, folders and namespaces of their own, and zones in turn", () => {
  const config = plan("three", { nodes: 3, zones: ["a", "b"] });
  const nodes = localNodes(config);
  expect(nodes.map(({ name, zone }) => `${name} ${zone}`)).toEqual(["m a", "m-2 b", "m-3 a"]);
  for (const field of ["address", "folder", "title", "namespace"] as const) {
    expect(new Set(nodes.map((node) => node[field])).size, field).toBe(3);
  }
  const settings = localSettings(config, nodes[1]!);
  expect(settings.server).toBe(`https://${config.nodeAddress}:${config.apiPort}`);
  expect(nodeLabels(settings)).toMatchObject({
    "kubernetes.io/hostname": "m-2",
    "topology.kubernetes.io/zone": "b",
    "failure-domain.beta.kubernetes.io/zone": "b",
  });
  expect(wayToOthers(settings)).toMatchObject({ kind: "vxlan", address: nodes[1]!.address });
  expect(wayToOthers({ ...settings, backend: "host-gw" })).toEqual({ kind: "host-gw" });
});

test("nodes that the cluster no longer has are found by their folders", () => {
  const config = plan("fewer", { nodes: 2 });
  for (const name of ["node", "node-2", "node-10", "node-x"])
    mkdirSync(join(folder, "fewer", name), { recursive: true });
  expect(keptNodes(config).map(({ number }) => number)).toEqual([1, 2, 10]);
});
