import { beforeAll, describe, expect, test } from "vitest";
import { quantityValue } from "../../src/machinery/quantity.ts";
import { eventually } from "./tools/eventually.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { type Stories, show, type Teller, tell } from "./tools/stories.ts";

/* Volumes of configMaps, Secrets and the downward API, alone and projected, by the names of upstream's conformance list. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "conformance-config");
const other = ownNamespace(cluster, "conformance-other");
const kubectl = (...args: readonly string[]) => cluster.kubectl("-n", ns, ...args);
const read = (pod: string, path: string) => kubectl("exec", pod, "--", "cat", path);

interface Wishes {
  readonly name?: string;
  readonly defaultMode?: number;
  readonly items?: readonly object[];
  readonly optional?: boolean;
}

/** A kind of volume that has the contents of a ConfigMap or a Secret. */
interface Source {
  readonly kind: "ConfigMap" | "Secret";
  readonly pod: string;
  volume(wishes?: Wishes): object;
}

const sources = {
  configMap: {
    kind: "ConfigMap",
    pod: "config",
    volume: ({ name = "data", ...wishes } = {}) => ({ configMap: { name, ...wishes } }),
  },
  projectedConfigMap: {
    kind: "ConfigMap",
    pod: "projected-config",
    volume: ({ name = "data", defaultMode, ...wishes } = {}) => ({
      projected: { defaultMode, sources: [{ configMap: { name, ...wishes } }] },
    }),
  },
  secret: {
    kind: "Secret",
    pod: "secret",
    volume: ({ name: secretName = "data", ...wishes } = {}) => ({ secret: { secretName, ...wishes } }),
  },
  projectedSecret: {
    kind: "Secret",
    pod: "projected-secret",
    volume: ({ name = "data", defaultMode, ...wishes } = {}) => ({
      projected: { defaultMode, sources: [{ secret: { name, ...wishes } }] },
    }),
  },
} satisfies Record<string, Source>;

const holder = (kind: Source["kind"], name: string, data: Readonly<Record<string, string>>) => ({
  apiVersion: "v1",
  kind,
  metadata: { name },
  ...(kind === "Secret" ? { stringData: data } : { data }),
});
const mapped = { key: "data-2", path: "path/to/data-2" };

/** A pod of root that reads one source in each way, one of somebody else, and one whose source will change. */
const readers = ({ kind, pod, volume }: Source): readonly Teller[] => [
  {
    name: pod,
    script: show(
      ...["/plain/data-1", "/strict/data-1", "/mapped/path/to/data-2", "/item/path/to/data-2", "/again/data-1"],
    ),
    volumes: {
      "/plain": volume(),
      "/again": volume(),
      "/strict": volume({ defaultMode: 0o400 }),
      "/mapped": volume({ items: [mapped] }),
      "/item": volume({ items: [{ ...mapped, mode: 0o400 }] }),
    },
  },
  {
    name: `${pod}-non-root`,
    script: `${show("/plain/data-1", "/mapped/path/to/data-2", "/shared/data-1")}; stat -Lc %g /shared/data-1`,
    volumes: {
      "/plain": volume(),
      "/mapped": volume({ items: [mapped] }),
      "/shared": volume({ defaultMode: 0o440 }),
    },
    // A mode that lets a group read wants one to be read; configMaps are tried without.
    spec: { securityContext: { runAsUser: 1000, ...(kind === "Secret" ? { fsGroup: 1001 } : { runAsGroup: 0 }) } },
  },
  {
    name: `${pod}-changing`,
    script: `${show("/live/data-1", "/updated/data-1", "/deleted/data-1")}; ls /created`,
    volumes: {
      "/live": volume({ name: `${pod}-live` }),
      "/created": volume({ name: `${pod}-created`, optional: true }),
      "/updated": volume({ name: `${pod}-updated`, optional: true }),
      "/deleted": volume({ name: `${pod}-deleted`, optional: true }),
    },
  },
];

const amounts = { requests: { cpu: "250m", memory: "32Mi" }, limits: { cpu: "1250m", memory: "64Mi" } };
const resource = (path: string) => ({ path, resourceFieldRef: { containerName: "main", resource: path } });
const field = (path: string) => ({ path, fieldRef: { fieldPath: `metadata.${path}` } });
const resources = ["limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];

/** A kind of volume that tells a pod about itself. */
interface Mirror {
  readonly pod: string;
  volume(items: readonly object[], defaultMode?: number): object;
}
const mirrors = {
  downward: {
    pod: "downward",
    volume: (items, defaultMode) => ({ downwardAPI: { items, defaultMode } }),
  },
  projected: {
    pod: "projected-downward",
    volume: (items, defaultMode) => ({ projected: { defaultMode, sources: [{ downwardAPI: { items } }] } }),
  },
} satisfies Record<string, Mirror>;

const mirroring = ({ pod, volume }: Mirror): readonly Teller[] => [
  {
    name: pod,
    script: `${show(...[...resources, "name"].map((file) => `/info/${file}`), "/strict/name", "/item/name")}
      for file in labels annotations; do cat /info/$file; echo; done`,
    volumes: {
      "/info": volume([...resources.map(resource), field("name"), field("labels"), field("annotations")]),
      "/strict": volume([field("name")], 0o400),
      "/item": volume([{ ...field("name"), mode: 0o400 }]),
    },
    container: { resources: amounts },
    metadata: { labels: { color: "red" }, annotations: { builder: "bar" } },
  },
  {
    name: `${pod}-unlimited`,
    script: show("/info/limits.cpu", "/info/limits.memory"),
    volumes: { "/info": volume([resource("limits.cpu"), resource("limits.memory")]) },
  },
];

const binary = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString("base64");
const special: readonly Teller[] = [
  {
    name: "binary",
    script: `cat /data/text; base64 -w 0 /data/bytes; echo`,
    volumes: { "/data": { configMap: { name: "binary" } } },
  },
  { name: "namesake", script: show("/data/data-1"), volumes: { "/data": { secret: { secretName: "data" } } } },
  {
    name: "combined",
    script: show(...["config", "secret", "podname", "cpu"].map((file) => `/all/${file}`)),
    volumes: {
      "/all": {
        projected: {
          sources: [
            { configMap: { name: "data", items: [{ key: "data-1", path: "config" }] } },
            { secret: { name: "data", items: [{ key: "data-2", path: "secret" }] } },
            {
              downwardAPI: {
                items: [
                  { ...field("name"), path: "podname" },
                  { ...resource("limits.cpu"), path: "cpu" },
                ],
              },
            },
          ],
        },
      },
    },
    container: { resources: amounts },
  },
];

let stories: Stories;
beforeAll(async () => {
  const data = { "data-1": "value-1", "data-2": "value-2", "data-3": "value-3" };
  await cluster.apply(other, holder("Secret", "data", { "data-1": "of another namespace" }));
  await cluster.apply(
    ns,
    holder("ConfigMap", "data", data),
    holder("Secret", "data", data),
    { ...holder("ConfigMap", "binary", { text: "words\n" }), binaryData: { bytes: binary } },
    ...Object.values(sources).flatMap(({ kind, pod }) =>
      ["live", "updated", "deleted"].map((name) => holder(kind, `${pod}-${name}`, { "data-1": "value-1" })),
    ),
  );
  const tellers = [
    ...Object.values(sources).flatMap(readers),
    ...Object.values(mirrors).flatMap(mirroring),
    ...special,
  ];
  stories = await tell(cluster, ns, tellers);
  await change();
});

/** Of each source one comes, one changes and one goes; the pods that tell about themselves get others words. */
async function change(): Promise<void> {
  const all = Object.values(sources);
  await cluster.apply(
    ns,
    ...all.flatMap(({ kind, pod }) => [
      holder(kind, `${pod}-live`, { "data-1": "value-2" }),
      holder(kind, `${pod}-created`, { "data-1": "came" }),
      holder(kind, `${pod}-updated`, { "data-3": "changed" }),
    ]),
  );
  await kubectl("delete", ...all.map(({ kind, pod }) => `${kind}/${pod}-deleted`));
  const pods = Object.values(mirrors).map(({ pod }) => pod);
  await kubectl("label", "--overwrite", "pod", ...pods, "color=blue");
  await kubectl("annotate", "--overwrite", "pod", ...pods, "builder=foo");
}

/* Each row says what the pod of its source has told. */
const ofRoot = [
  { name: "should be consumable from pods in volume", says: ["/plain/data-1 644 value-1"] },
  { name: "should be consumable from pods in volume with defaultMode set", says: ["/strict/data-1 400 value-1"] },
  { name: "should be consumable from pods in volume with mappings", says: ["/mapped/path/to/data-2 644 value-2"] },
];
const ofConfigMaps = [
  {
    name: "should be consumable from pods in volume with mappings and Item mode set",
    says: ["/item/path/to/data-2 400 value-2"],
  },
  {
    name: "should be consumable in multiple volumes in the same pod",
    says: ["/plain/data-1 644 value-1", "/again/data-1 644 value-1"],
  },
];
const ofConfigMapsByOthers = [
  { name: "should be consumable from pods in volume as non-root", says: ["/plain/data-1 644 value-1"] },
  {
    name: "should be consumable from pods in volume with mappings as non-root",
    says: ["/mapped/path/to/data-2 644 value-2"],
  },
];
const ofSecrets = [
  {
    name: "should be consumable from pods in volume with mappings and Item Mode set",
    says: ["/item/path/to/data-2 400 value-2"],
  },
  {
    name: "should be consumable in multiple volumes in a pod",
    says: ["/plain/data-1 644 value-1", "/again/data-1 644 value-1"],
  },
];
const ofSecretsByOthers = [
  {
    name: "should be consumable from pods in volume as non-root with defaultMode and fsGroup set",
    says: ["/shared/data-1 440 value-1", "1001"],
  },
];

interface Row {
  readonly name: string;
  readonly says: readonly string[];
}
function tellsTheSame(pod: string, rows: readonly Row[]): void {
  test.each(rows)("$name", ({ says }) => {
    expect(stories(pod)).toEqual(expect.arrayContaining([...says]));
  });
}

async function followsOptional({ pod }: Source): Promise<void> {
  const before = stories(`${pod}-changing`);
  expect(before).toEqual(["/live/data-1 644 value-1", "/updated/data-1 644 value-1", "/deleted/data-1 644 value-1"]);
  await eventually("the files are as their sources are", async () => {
    expect(await read(`${pod}-changing`, "/created/data-1")).toBe("came");
    expect(await read(`${pod}-changing`, "/updated/data-3")).toBe("changed");
    expect(await kubectl("exec", `${pod}-changing`, "--", "ls", "/deleted")).toBe("");
  });
}
async function follows({ pod }: Source): Promise<void> {
  expect(stories(`${pod}-changing`)).toContain("/live/data-1 644 value-1");
  await eventually("the file has changed", async () =>
    expect(await read(`${pod}-changing`, "/live/data-1")).toBe("value-2"),
  );
}

/* As above; cores are counted up. */
const ofMirrors = [
  { name: "should provide container's cpu limit", says: ["/info/limits.cpu 644 2"] },
  { name: "should provide container's cpu request", says: ["/info/requests.cpu 644 1"] },
  { name: "should provide container's memory limit", says: [`/info/limits.memory 644 ${64 * 2 ** 20}`] },
  { name: "should provide container's memory request", says: [`/info/requests.memory 644 ${32 * 2 ** 20}`] },
];
const ofNames = (pod: string) => [
  { name: "should provide podname only", says: [`/info/name 644 ${pod}`] },
  { name: "should set DefaultMode on files", says: [`/strict/name 400 ${pod}`] },
  { name: "should set mode on item file", says: [`/item/name 400 ${pod}`] },
];
const fromTheNode = [
  {
    name: "should provide node allocatable (cpu) as default cpu limit if the limit is not set",
    amount: "cpu",
  },
  {
    name: "should provide node allocatable (memory) as default memory limit if the limit is not set",
    amount: "memory",
  },
];
const changes = [
  { name: "should update labels on modification", file: "labels", before: 'color="red"', after: 'color="blue"' },
  {
    name: "should update annotations on modification",
    file: "annotations",
    before: 'builder="bar"',
    after: 'builder="foo"',
  },
];

function tellsOfItself(pod: string): void {
  tellsTheSame(pod, [...ofMirrors, ...ofNames(pod)]);
  test.each(fromTheNode)("$name", async ({ amount }) => {
    const { allocatable } = (await cluster.get("nodes")).items[0]!.status;
    const whole = quantityValue(allocatable[amount]);
    expect(stories(`${pod}-unlimited`)).toContain(`/info/limits.${amount} 644 ${whole}`);
  });
  test.each(changes)("$name", async ({ file, before, after }) => {
    expect(stories(pod)).toContain(before);
    await eventually("the file has changed", async () =>
      expect((await read(pod, `/info/${file}`)).split("\n")).toContain(after),
    );
  });
}

describe("ConfigMap", () => {
  tellsTheSame("config", [...ofRoot, ...ofConfigMaps]);
  tellsTheSame("config-non-root", ofConfigMapsByOthers);
  test("binary data should be reflected in volume", () => {
    expect(stories("binary")).toEqual(["words", binary]);
  });
  test("updates should be reflected in volume", () => follows(sources.configMap));
  test("optional updates should be reflected in volume", () => followsOptional(sources.configMap));
});

describe("Projected configMap", () => {
  tellsTheSame("projected-config", [...ofRoot, ...ofConfigMaps]);
  tellsTheSame("projected-config-non-root", ofConfigMapsByOthers);
  test("updates should be reflected in volume", () => follows(sources.projectedConfigMap));
  test("optional updates should be reflected in volume", () => followsOptional(sources.projectedConfigMap));
});

describe("Secrets", () => {
  tellsTheSame("secret", [...ofRoot, ...ofSecrets]);
  tellsTheSame("secret-non-root", ofSecretsByOthers);
  test("should be able to mount in a volume regardless of a different secret existing with same name in different namespace", () => {
    expect(stories("namesake")).toEqual(["/data/data-1 644 value-1"]);
  });
  test("optional updates should be reflected in volume", () => followsOptional(sources.secret));
});

describe("Projected secret", () => {
  tellsTheSame("projected-secret", [...ofRoot, ...ofSecrets]);
  tellsTheSame("projected-secret-non-root", ofSecretsByOthers);
  test("optional updates should be reflected in volume", () => followsOptional(sources.projectedSecret));
});

describe("Downward API volume", () => tellsOfItself(mirrors.downward.pod));
describe("Projected downwardAPI", () => tellsOfItself(mirrors.projected.pod));

describe("Projected combined", () => {
  test("should project all components that make up the projection API", () => {
    expect(stories("combined")).toEqual([
      "/all/config 644 value-1",
      "/all/secret 644 value-2",
      "/all/podname 644 combined",
      "/all/cpu 644 2",
    ]);
  });
});
