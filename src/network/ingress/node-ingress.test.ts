import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { type CertificatePair, selfSigned } from "../../wire/certificate-fixture.ts";
import type { EndpointSliceInput } from "../proxy/service-input.ts";
import { MemoryFeed } from "../testing/memory-feed.ts";
import type { EngineState, IngressEngine } from "./engine.ts";
import type { IngressClassInput, IngressInput, IngressServiceInput, TlsSecretInput } from "./ingress-input.ts";
import { type NodeIngress, openNodeIngress } from "./node-ingress.ts";
import { ingressOf, ownClass, serviceOf, slicesOf, to } from "./testing/objects.ts";

let serving: NodeIngress;
let reports: string[];
let state: EngineState | undefined;
let openings: number;
let portTaken: boolean;
let followed: Set<string>;
let ingresses: MemoryFeed<IngressInput>;
let classes: MemoryFeed<IngressClassInput>;
let services: MemoryFeed<IngressServiceInput>;
let endpointSlices: MemoryFeed<EndpointSliceInput>;
let secrets: Map<string, MemoryFeed<TlsSecretInput>>;
const pair: Promise<CertificatePair> = selfSigned("CN=web");

const secretFeed = (key: string) => {
  const feed = secrets.get(key) ?? new MemoryFeed<TlsSecretInput>();
  secrets.set(key, feed);
  return feed;
};
const engine: IngressEngine = {
  apply: (next) => {
    state = next;
  },
  [Symbol.asyncDispose]: async () => {},
};
const seen = async (look: () => boolean) => {
  while (!look()) await systemClock.sleep(2);
};
const encoded = ({ cert, key }: CertificatePair) => ({
  "tls.crt": Buffer.from(cert).toString("base64"),
  "tls.key": Buffer.from(key).toString("base64"),
});

beforeEach(() => {
  reports = [];
  state = undefined;
  openings = 0;
  portTaken = false;
  followed = new Set();
  ingresses = new MemoryFeed();
  classes = new MemoryFeed();
  services = new MemoryFeed();
  endpointSlices = new MemoryFeed();
  secrets = new Map();
  classes.set(ownClass);
  services.set(serviceOf("a"));
  serving = openNodeIngress({
    feeds: {
      ...{ ingresses, classes, services, endpointSlices },
      secret(namespace, name) {
        const key = `${namespace}/${name}`;
        followed.add(key);
        return {
          feed: secretFeed(key),
          [Symbol.asyncDispose]: async () => void followed.delete(key),
        };
      },
    },
    async openEngine() {
      openings += 1;
      if (portTaken) throw new Error("port 80 is already in use");
      return engine;
    },
    report: (_ingress, reason, message) => reports.push(`${reason}: ${message}`),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
});
afterEach(() => serving[Symbol.asyncDispose]());

test("nothing is opened before there is an Ingress of ours", async () => {
  ingresses.set(ingressOf("foreign", { ingressClassName: "other", defaultBackend: to("a") }));
  await serving.ready();
  expect(openings).toBe(0);
  ingresses.set(ingressOf("web", { defaultBackend: to("a") }));
  await seen(() => state !== undefined);
  expect(state?.table.fallback?.backend.key).toBe("default/a:80");
});

test("a port that is taken is tried again", async () => {
  portTaken = true;
  ingresses.set(ingressOf("web", { defaultBackend: to("a") }));
  await seen(() => openings > 0);
  portTaken = false;
  await seen(() => state !== undefined);
  expect(openings).toBeGreaterThan(1);
});

test("endpoints follow their slices", async () => {
  ingresses.set(ingressOf("web", { defaultBackend: to("a") }));
  await seen(() => state !== undefined);
  for (const slice of slicesOf("a", [{ ip: "10.0.0.1", port: 8080 }])) endpointSlices.set(slice);
  await seen(() => state?.table.fallback?.backend.endpoints.length === 1);
});

test("just the Secrets that Ingresses name are followed, and used as they are now", async () => {
  secretFeed("default/s").set({ metadata: { name: "s", namespace: "default" }, data: encoded(await pair) });
  ingresses.set(ingressOf("web", { defaultBackend: to("a"), tls: [{ secretName: "s" }] }));
  await seen(() => state?.certificates.has("default/s") === true);
  expect([...followed]).toEqual(["default/s"]);
  const renewed = await selfSigned("CN=renewed");
  secretFeed("default/s").set({ metadata: { name: "s", namespace: "default" }, data: encoded(renewed) });
  await seen(() => state?.certificates.get("default/s")?.cert === renewed.cert);
  ingresses.set(ingressOf("web", { defaultBackend: to("a") }));
  await seen(() => followed.size === 0);
});

test.each([
  ["a Secret that is not there", undefined, "it does not exist"],
  ["a Secret without a key", {}, "it has no tls.crt"],
  ["a certificate that is none", { "tls.crt": "bm9uZQ==", "tls.key": "bm9uZQ==" }, ""],
  ["a key of another certificate", "foreign key", "does not belong"],
] as const)("%s is told once, and the default certificate stands in", async (_, data, why) => {
  const given =
    data === "foreign key" ? { ...encoded(await pair), "tls.key": encoded(await selfSigned("CN=x"))["tls.key"] } : data;
  if (given) secretFeed("default/s").set({ metadata: { name: "s", namespace: "default" }, data: given });
  ingresses.set(ingressOf("web", { defaultBackend: to("a"), tls: [{ secretName: "s" }] }));
  await seen(() => reports.length > 0);
  expect(reports[0]).toContain('CertificateUnusable: The default certificate is shown, since Secret "default/s"');
  expect(reports[0]).toContain(why);
  expect(state?.certificates.size).toBe(0);
  services.set(serviceOf("a", { appProtocol: "grpc" }));
  await seen(() => state?.table.fallback?.backend.protocol === "h2c");
  expect(reports).toHaveLength(1);
});

test("what an Ingress asks for in vain is told", async () => {
  ingresses.set(ingressOf("web", { defaultBackend: { resource: { kind: "Bucket", name: "b" } } }));
  await seen(() => reports.length > 0);
  expect(reports).toEqual(['UnsupportedBackend: Resource back ends are not served: Bucket "b"']);
});

test("a Secret that back ends are to be verified by is followed, and told about while it is of no use", async () => {
  services.set(serviceOf("a", { appProtocol: "https" }));
  const annotations = { "ingress.navarch.io/backend-ca-secret": "ca" };
  secretFeed("default/ca").set({ metadata: { name: "ca", namespace: "default" }, data: {} });
  ingresses.set(ingressOf("web", { defaultBackend: to("a") }, { annotations }));
  await seen(() => reports.length > 0);
  expect(reports).toEqual([
    'AuthorityUnusable: Its back ends are not spoken to, since Secret "default/ca" cannot be used: it has no ca.crt',
  ]);
  expect(state?.authorities?.size).toBe(0);
  const { cert } = await pair;
  const data = { "ca.crt": Buffer.from(cert).toString("base64") };
  secretFeed("default/ca").set({ metadata: { name: "ca", namespace: "default" }, data });
  await seen(() => state?.authorities?.get("default/ca")?.pem === cert);
});
