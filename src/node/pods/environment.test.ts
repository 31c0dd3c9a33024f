import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Container, FileKeySelector, Service } from "../../api/generated/core-v1.ts";
import { sampleContainer, samplePod } from "../testing/samples.ts";
import { type ContainerSources, environmentOf } from "./environment.ts";
import { expand } from "./expansion.ts";

const meta = (name: string, namespace = "default") => ({
  name,
  namespace,
  uid: name,
  resourceVersion: "1",
  creationTimestamp: "2026-01-01T00:00:00Z",
});
const service = (name: string, clusterIP: string, namespace = "default"): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: meta(name, namespace),
  spec: { clusterIP, ports: [{ name: "http", port: 80, protocol: "TCP" }] },
});
const sources: ContainerSources = {
  configMap: async (_, name) =>
    name === "settings"
      ? { apiVersion: "v1", kind: "ConfigMap", metadata: meta(name), data: { color: "blue", "2-nd.shade": "grey" } }
      : undefined,
  secret: async (_, name) =>
    name === "password"
      ? {
          apiVersion: "v1",
          kind: "Secret",
          metadata: meta(name),
          data: { word: Buffer.from("hush").toString("base64") },
        }
      : undefined,
  volumePath: () => undefined,
  services: () => [],
  podIPs: ["10.88.0.5", "fd00::5"],
  hostIPs: ["192.0.2.1", "2001:db8::1"],
  nodeName: "node-1",
  allocatable: { cpu: 2, memory: 1024 ** 3, ephemeralStorage: 2 ** 40 },
};
const of = async (container: Partial<Container>, extra: Partial<ContainerSources> = {}, pod = samplePod()) =>
  Object.fromEntries(
    (await environmentOf(pod, sampleContainer(container), { ...sources, ...extra })).map(({ name, value }) => [
      name,
      value,
    ]),
  );

test.each([
  ["replaces what is known", "a $(ONE) b", "a 1 b"],
  ["leaves what is not known", "$(TWO)", "$(TWO)"],
  ["takes two dollars for one", "$$(ONE) $$", "$(ONE) $"],
  ["leaves a lone dollar and an open bracket", "$ONE $(ONE", "$ONE $(ONE"],
  ["does not look into what it put in", "$(LOOP)", "$(ONE)"],
])("expansion %s", (_, text, expected) => {
  expect(
    expand(
      text,
      new Map([
        ["ONE", "1"],
        ["LOOP", "$(ONE)"],
      ]),
    ),
  ).toBe(expected);
});

describe("a container's variables", () => {
  test("come from fields of the pod, resources, configMaps and secrets", async () => {
    const env = [
      { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "IPS", valueFrom: { fieldRef: { fieldPath: "status.podIPs" } } },
      { name: "HOST", valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } },
      { name: "HOSTS", valueFrom: { fieldRef: { fieldPath: "status.hostIPs" } } },
      { name: "APP", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: "CPU", valueFrom: { resourceFieldRef: { resource: "requests.cpu", divisor: "1m" } } },
      { name: "MEMORY", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
      { name: "COLOR", valueFrom: { configMapKeyRef: { name: "settings", key: "color" } } },
      { name: "WORD", valueFrom: { secretKeyRef: { name: "password", key: "word" } } },
    ];
    const pod = samplePod({}, { metadata: { labels: { app: "shop" } } });
    expect(await of({ env, resources: { requests: { cpu: "250m" } } }, {}, pod)).toEqual({
      NAME: "web",
      IPS: "10.88.0.5,fd00::5",
      HOST: "192.0.2.1",
      HOSTS: "192.0.2.1,2001:db8::1",
      APP: "shop",
      CPU: "250",
      MEMORY: "1024",
      COLOR: "blue",
      WORD: "hush",
    });
  });

  test("tell what the node has where nothing is limited, and nothing where nothing is asked for", async () => {
    const told = (resource: string, limit?: string) => ({
      resources: limit === undefined ? {} : { limits: { [resource.replace("limits.", "")]: limit } },
      env: [{ name: "A", valueFrom: { resourceFieldRef: { resource } } }],
    });
    const all = ["limits.cpu", "limits.memory", "limits.ephemeral-storage", "requests.memory"];
    const values = await Promise.all(all.map(async (resource) => (await of(told(resource))).A));
    expect(values).toEqual(["2", String(1024 ** 3), String(2 ** 40), "0"]);
    expect(await of(told("limits.memory", "0"))).toEqual({ A: String(1024 ** 3) });
    expect(await of(told("limits.cpu", "1500m"))).toEqual({ A: "2" });
  });

  test("of a whole configMap are prefixed, and called as its keys, however these are written", async () => {
    const [prefixed, plain] = [{ prefix: "1 X-" }, {}].map((each) => ({ ...each, configMapRef: { name: "settings" } }));
    expect(await of({ envFrom: [prefixed!] })).toEqual({ "1 X-color": "blue", "1 X-2-nd.shade": "grey" });
    expect(await of({ envFrom: [plain!] })).toEqual({ color: "blue", "2-nd.shade": "grey" });
  });

  test("see those before them, not those after", async () => {
    const env = [
      { name: "A", value: "1" },
      { name: "B", value: "$(A)$(C)" },
      { name: "C", value: "3" },
    ];
    expect(await of({ env })).toEqual({ A: "1", B: "1$(C)", C: "3" });
  });

  test.each([
    ["a configMap", { configMapKeyRef: { name: "none", key: "k" } }, 'configmap "none" not found'],
    ["a key", { configMapKeyRef: { name: "settings", key: "k" } }, "couldn't find key k in ConfigMap default/settings"],
    ["a secret", { secretKeyRef: { name: "none", key: "k" } }, 'secret "none" not found'],
  ])("are refused without %s", async (_, valueFrom, message) => {
    await expect(of({ env: [{ name: "X", valueFrom }] })).rejects.toMatchObject({ code: "missing", message });
  });

  test("are left out when what they come from is optional", async () => {
    const valueFrom = { configMapKeyRef: { name: "none", key: "k", optional: true } };
    expect(await of({ env: [{ name: "X", valueFrom }] })).toEqual({});
  });
});

test("variables come from a file of a volume, which the container need not mount", async () => {
  const folder = mkdtempSync(join(tmpdir(), "nvenv-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "env"), "WORD='hush'\nEMPTY=''\n");
  const volumePath = (name: string) => (name === "work" ? folder : undefined);
  const from = (name: string, more: Partial<FileKeySelector> = {}) => ({
    name,
    valueFrom: { fileKeyRef: { volumeName: "work", path: "env", key: name, ...more } },
  });
  const found = [from("WORD"), from("NONE", { optional: true }), from("GONE", { path: "none", optional: true })];
  const after = { name: "AFTER", value: "$(WORD)!" };
  expect(await of({ env: [...found, after] }, { volumePath })).toEqual({ WORD: "hush", AFTER: "hush!" });
  const fault = (variable: ReturnType<typeof from>) => of({ env: [variable] }, { volumePath });
  await expect(fault(from("NONE"))).rejects.toThrow('environment variable key "NONE" not found in file "env"');
  await expect(fault(from("EMPTY"))).rejects.toThrow('environment variable key "EMPTY" not found in file "env"');
  await expect(fault(from("WORD", { path: "none" }))).rejects.toThrow("couldn't parse env file");
  const elsewhere = from("WORD", { volumeName: "none" });
  await expect(fault(elsewhere)).rejects.toThrow('cannot find the volume "none" referenced by FileKeyRef');
});

describe("variables of services", () => {
  const services = () => [
    service("redis-master", "10.96.0.9"),
    service("headless", "None"),
    service("kubernetes", "10.96.0.1"),
    service("far", "10.96.0.3", "elsewhere"),
  ];

  test("are those that links between containers had", async () => {
    const env = await of({}, { services });
    expect(env).toMatchObject({
      REDIS_MASTER_SERVICE_HOST: "10.96.0.9",
      REDIS_MASTER_SERVICE_PORT: "80",
      REDIS_MASTER_SERVICE_PORT_HTTP: "80",
      REDIS_MASTER_PORT: "tcp://10.96.0.9:80",
      REDIS_MASTER_PORT_80_TCP: "tcp://10.96.0.9:80",
      REDIS_MASTER_PORT_80_TCP_PROTO: "tcp",
      REDIS_MASTER_PORT_80_TCP_PORT: "80",
      REDIS_MASTER_PORT_80_TCP_ADDR: "10.96.0.9",
      KUBERNETES_SERVICE_HOST: "10.96.0.1",
    });
    expect(Object.keys(env).filter((name) => /^(HEADLESS|FAR)/.test(name))).toEqual([]);
  });

  test("are only those of the API where links are not wished", async () => {
    const env = await of({}, { services }, samplePod({ enableServiceLinks: false }));
    expect(Object.keys(env).every((name) => name.startsWith("KUBERNETES_"))).toBe(true);
    expect(env.KUBERNETES_SERVICE_HOST).toBe("10.96.0.1");
  });

  test("give way to what the author says, and can be referred to", async () => {
    const env = [
      { name: "REDIS_MASTER_PORT", value: "mine" },
      { name: "AT", value: "$(REDIS_MASTER_SERVICE_HOST)" },
    ];
    expect(await of({ env }, { services })).toMatchObject({ REDIS_MASTER_PORT: "mine", AT: "10.96.0.9" });
  });
});
