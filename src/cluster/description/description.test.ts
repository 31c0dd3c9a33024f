import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newCluster, planCluster, writeCluster } from "../config.ts";
import { etcdOptions } from "../history/cluster-store.ts";
import { describeCluster, descriptionText, parseDescription, problemText, wishesIn } from "./description.ts";
import { clusterSchema, type Schema } from "./schema.ts";
import { yamlPlaces } from "./yaml-places.ts";

const head = "apiVersion: navarch/v1alpha1\nkind: Cluster\nmetadata:\n  name: shop\n";
const faults = (text: string) => problemText("cluster.yaml", parseDescription(text).problems).split("\n");

test("a misspelled key is named with its line and column, and the likely one", () => {
  expect(faults(`${head}spec:\n  netwrok:\n    podRange: 10.1.0.0/16\n`)).toEqual([
    'cluster.yaml:6:3: unrecognized key "netwrok" in spec; did you mean "network"?',
  ]);
  expect(faults(`${head}spec: {api: {flags: {oidc-isuer-url: "https://a"}}}\n`)).toEqual([
    'cluster.yaml:5:22: unrecognized key "oidc-isuer-url" in spec.api.flags; did you mean "oidc-issuer-url"?',
  ]);
});

test.each([
  ["spec:\n  nodes:\n    count: two\n", '7:5: spec.nodes.count must be a whole number from 1 to 50, not "two"'],
  ["spec:\n  runtime: cir\n", '6:3: spec.runtime must be one of cri, simulated, not "cir"; did you mean "cri"?'],
  ["spec:\n  nodes:\n    zones: [a, 7]\n", "7:16: spec.nodes.zones[1] must be text, not 7; put it in quotes"],
  ["spec:\n  api:\n", "6:3: spec.api is empty; give it a map of keys, or leave it out"],
  ["spec: []\n", "5:1: spec must be a map of keys"],
  ["spec:\n  network:\n    completely: wrong\n", '7:5: unrecognized key "completely" in spec.network; it has backend,'],
  ["---\nkind: Cluster\n", "1:1: there are several documents; a cluster is one"],
])("%j is told as a fault of its own line", (rest, told) => {
  expect(faults(head + rest)[0]).toContain(`cluster.yaml:${told}`);
});

test("every fault is told, in the order of lines; what is lacking too", () => {
  expect(faults("kind: Clutser\nspec:\n  dataDir: 4\n")).toEqual([
    'cluster.yaml:1:1: kind must be "Cluster", not "Clutser"',
    'cluster.yaml:1:1: the document lacks "apiVersion"',
    'cluster.yaml:1:1: the document lacks "metadata"',
    "cluster.yaml:3:3: spec.dataDir must be text, not 4; put it in quotes",
  ]);
  expect(faults("a: [\n")[0]).toMatch(/^cluster.yaml:\d+:1: yaml: /);
  expect(faults("")[0]).toContain("the document is empty");
});

test("JSON is a description too", () => {
  const text = JSON.stringify({ apiVersion: "navarch/v1alpha1", kind: "Cluster", metadata: { nmae: "x" } });
  expect(faults(text)).toEqual([
    'cluster.yaml:1:52: metadata lacks "name"',
    'cluster.yaml:1:64: unrecognized key "nmae" in metadata; did you mean "name"?',
  ]);
});

test("what is exported makes the same cluster again", () => {
  const folder = mkdtempSync(join(tmpdir(), "navarch-description-"));
  try {
    const environment = { NAVARCH_DATA: folder };
    const made = newCluster(
      {
        name: "shop",
        dataDir: join(folder, "elsewhere"),
        runtime: "cri",
        nodes: 3,
        zones: ["a", "b"],
        apiPort: 7443,
        disable: ["metrics-server"],
        apiServerFlags: { "audit-policy-file": "/etc/policy.yaml", "max-requests-inflight": "40" },
        controllerFlags: { "node-monitor-period": "1s" },
        schedulerConfig: "/etc/scheduler.yaml",
        schedulerPlugins: "/etc/plugins.ts",
        nodeName: "one",
        nodeFlags: { "max-pods": "50" },
        nodeBackend: "host-gw",
        network: { podRange: "10.77.0.0/16", clusterDomain: "example.test" },
      },
      environment,
    );
    const text = descriptionText(describeCluster(made));
    const { description, problems } = parseDescription(text);
    expect(problems).toEqual([]);
    expect(newCluster(wishesIn(description!, join(folder, "cluster.yaml")), environment)).toEqual(made);
    writeCluster(made);
    const moved = { ...wishesIn(description!, "/"), network: { podRange: "10.78.0.0/16" } };
    expect(() => planCluster(moved, environment)).toThrow("has the podRange 10.77.0.0/16, which stays for its life");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a description has no place for a secret: keys, passwords and tokens are named by their files", () => {
  const secretive = (schema: Schema): readonly string[] =>
    Object.entries(schema.properties ?? {}).flatMap(([name, part]) => [
      ...(/(password|passphrase|secret|token|key|credentials?)$/i.test(name) ? [name] : []),
      ...secretive(part),
    ]);
  expect(secretive(clusterSchema)).toEqual([]);
  const inAnAddress = { "etcd-servers": "https://me:tulips@10.0.0.1:2379" };
  expect(() => etcdOptions(inAnAddress)).toThrow("give URLs such as https://10.0.0.1:2379");
});

test("places are those of keys and items, whatever the style", () => {
  const places = yamlPlaces('a: 1\n# note\nb:\n  - x: "q"\n  - [y, z]\n"c/d": {e: f}\n');
  const shown = Object.fromEntries([...places].filter(([path]) => !path.endsWith("#key")));
  expect(shown).toEqual({
    "": { line: 1, column: 1 },
    "/a": { line: 1, column: 1 },
    "/b": { line: 3, column: 1 },
    "/b/0": { line: 4, column: 5 },
    "/b/0/x": { line: 4, column: 5 },
    "/b/1": { line: 5, column: 5 },
    "/b/1/0": { line: 5, column: 6 },
    "/b/1/1": { line: 5, column: 9 },
    "/c~1d": { line: 6, column: 2 },
    "/c~1d/e": { line: 6, column: 9 },
  });
});
