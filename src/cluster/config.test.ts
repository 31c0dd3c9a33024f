import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { dataFormat, planCluster, readCluster, writeCluster } from "./config.ts";
import { localNodes, nodeAddresses } from "./local-nodes.ts";

const folder = mkdtempSync(join(tmpdir(), "navarch-config-"));
afterAll(() => rmSync(folder, { recursive: true }));
const environment = { NAVARCH_DATA: folder };

function described(name: string, text: string): string {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, "cluster.json"), text);
  return join(folder, name);
}

test("a cluster that was made keeps its ports and addresses; another one gets others", () => {
  const first = planCluster({ name: "first" }, environment);
  writeCluster(first);
  const second = planCluster({ name: "second" }, environment);
  expect(planCluster({ name: "first" }, environment)).toEqual(first);
  for (const field of ["apiPort", "kubeletPort", "nodeAddress", "podRange", "serviceRange"] as const)
    expect(second[field]).not.toBe(first[field]);
});

test("a cluster stays with the runtime that it was made with", () => {
  writeCluster(planCluster({ name: "still", runtime: "simulated" }, environment));
  expect(planCluster({ name: "still" }, environment).runtime).toBe("simulated");
  expect(() => planCluster({ name: "still", runtime: "cri" }, environment)).toThrow(/made with --runtime simulated/);
});

test("a cluster keeps the scheduler's files until an empty path takes one away", () => {
  const schedulerFiles = { schedulerConfig: "/etc/scheduler.yaml", schedulerPlugins: "/etc/plugins.ts" };
  writeCluster(planCluster({ name: "placed", ...schedulerFiles }, environment));
  expect(planCluster({ name: "placed" }, environment)).toMatchObject(schedulerFiles);
  writeCluster(planCluster({ name: "placed", schedulerConfig: "" }, environment));
  expect(planCluster({ name: "placed" }, environment)).toMatchObject({ ...schedulerFiles, schedulerConfig: "" });
});

test.each(["Upper", "a_b", "-a", "a-", "1a", "", "a".repeat(21)])('"%s" is no name of a cluster', (name) => {
  expect(() => planCluster({ name }, environment)).toThrow(/a cluster's name has at most 20 lower-case letters/);
});

test("a description of a later version is refused with both formats", () => {
  const dataDir = described("later", JSON.stringify({ format: dataFormat + 1, cluster: {} }));
  expect(() => readCluster(dataDir)).toThrow(
    `(format ${dataFormat + 1}; this one knows up to ${dataFormat}): start it with that version`,
  );
});

test.each([
  { name: "cut", text: '{"format": 1, "clu', says: /cluster\.json is damaged \(/ },
  { name: "foreign", text: '{"compilerOptions": {}}', says: /cluster\.json is no cluster's description/ },
])("a description that is $name is refused with the command that forgets it", ({ name, text, says }) => {
  const dataDir = described(name, text);
  expect(() => readCluster(dataDir)).toThrow(says);
  expect(() => readCluster(dataDir)).toThrow(`navarch down --wipe --name ${name} --data-dir ${dataDir}`);
  expect(() => planCluster({ name: "neighbour" }, environment)).not.toThrow();
});

test("nodes, zones and flags of the parts are kept until something else is wished", () => {
  const wishes = {
    nodes: 3,
    zones: ["a", "b"],
    nodeBackend: "host-gw",
    controllerFlags: { "node-monitor-period": "1s" },
    nodeFlags: { "node-status-update-frequency": "1s" },
  } as const;
  writeCluster(planCluster({ name: "many", ...wishes }, environment));
  expect(planCluster({ name: "many" }, environment)).toMatchObject(wishes);
  const changed = planCluster(
    { name: "many", nodes: 1, nodeFlags: { "node-status-update-frequency": "" } },
    environment,
  );
  expect(changed).toMatchObject({ nodes: 1, zones: ["a", "b"], nodeFlags: {} });
});

test("an advertised address is the node's, until it is taken away", () => {
  const made = planCluster({ name: "reached", advertiseAddress: "192.0.2.7" }, environment);
  expect(made.nodeAddress).toBe("192.0.2.7");
  writeCluster(made);
  expect(planCluster({ name: "reached" }, environment)).toEqual(made);
  const { nodeAddress, advertiseAddress } = planCluster({ name: "reached", advertiseAddress: "" }, environment);
  expect(nodeAddress).toMatch(/^10\.254\.\d+\.1$/);
  expect(advertiseAddress).toBeUndefined();
});

test.each([
  { wishes: { nodes: 2, runtime: "simulated" }, says: /--nodes is for real containers/ },
  { wishes: { nodes: 2, advertiseAddress: "192.0.2.7" }, says: /exclude each other/ },
  { wishes: { advertiseAddress: "here" }, says: /here is no IPv4 address/ },
  { wishes: { advertiseAddress: "127.0.0.1" }, says: /no IPv4 address that others reach/ },
  { wishes: { controllerFlags: { "node-eviction": "1" } }, says: /the controller manager has no flag --node-eviction/ },
  { wishes: { nodeFlags: { v: "9" } }, says: /the kubelet has no flag --v/ },
] as const)("is refused: $says", ({ wishes, says }) => {
  expect(() => planCluster({ name: "refused", ...wishes }, environment)).toThrow(says);
});

test("a cluster of both families gives its nodes and its DNS an address of each", () => {
  const network = { podRange: "10.244.0.0/16,fd00:10:244::/56", serviceRange: "10.96.0.0/16,fd00:10:96::/112" };
  const config = planCluster({ name: "dual", nodes: 2, network }, environment);
  const slot = config.nodeRange.split(".")[2];
  expect(config).toMatchObject({ ...network, dnsAddress: "10.96.0.10,fd00:10:96::a" });
  expect(localNodes(config).map(nodeAddresses)).toEqual([
    [`10.254.${slot}.1`, expect.stringMatching(/^fd00:10:254:.*:1$/)],
    [`10.254.${slot}.2`, expect.stringMatching(/^fd00:10:254:.*:2$/)],
  ]);
  const far = planCluster({ name: "far", network, advertiseAddress: "192.0.2.7,2001:db8::7" }, environment);
  expect(nodeAddresses(localNodes(far)[0])).toEqual(["192.0.2.7", "2001:db8::7"]);
});
