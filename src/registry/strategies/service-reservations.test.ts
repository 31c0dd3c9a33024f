import { describe, expect, test } from "vitest";
import { Service } from "../../api/core/service.ts";
import { IPAddress } from "../../api/networking/ip-address.ts";
import { ServiceCIDR } from "../../api/networking/service-cidr.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { openMemoryStore } from "../../store/memory.ts";
import { openRegistryFixture, type RegistryFixture } from "../registry-fixture.ts";
import type { AnyObject } from "../resource.ts";
import { repairReservations } from "./service-repair.ts";

const service = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80 }], ...spec },
});
const specOf = (object: AnyObject) => (object as AnyObject as Service).spec;

async function addresses({ registry }: RegistryFixture): Promise<readonly string[]> {
  const { cache, resource } = registry.of(IPAddress);
  await cache.current();
  return [...cache.range(resource.range)].map(({ object }) => object.metadata.name ?? "");
}

function repair({ registry }: RegistryFixture, later = 60_000): Promise<void> {
  const now = systemClock.now() + later;
  return repairReservations({ services: registry.of(Service), strategy: registry.services, now, log: silentLog });
}

test("an address is an object that names the service it is for, and goes away with it", async () => {
  await using fixture = await openRegistryFixture();
  const { clusterIP = "" } = specOf(await fixture.create(Service, service("web")));
  const reserved = fixture.registry.of(IPAddress).known(undefined, clusterIP).object as AnyObject as IPAddress;
  expect(reserved.spec.parentRef).toEqual({ group: "", resource: "services", namespace: "default", name: "web" });
  expect(reserved.metadata.labels).toEqual({
    "ipaddress.kubernetes.io/ip-family": "IPv4",
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
  });
  await fixture.delete(Service, "web");
  expect(await addresses(fixture)).toEqual([]);
});

test("a refused service leaves nothing reserved", async () => {
  await using fixture = await openRegistryFixture();
  await fixture.create(Service, service("web", { type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] }));
  const before = await addresses(fixture);
  const again = service("other", { type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] });
  await expect(fixture.create(Service, again)).rejects.toThrow("provided port is already allocated");
  await expect(fixture.create(Service, service("web"))).rejects.toThrow("already exists");
  expect(await addresses(fixture)).toEqual(before);
  expect(await fixture.registry.services.ports.all()).toHaveLength(1);
});

describe("two servers on one store", () => {
  test("never give one address or node port to two services, however many ask at once", async () => {
    const store = openMemoryStore({ clock: systemClock });
    // The same seed on both: they try the same choices in the same order.
    await using one = await openRegistryFixture({ store, addresses: "10.96.0.0/26" });
    await using two = await openRegistryFixture({ store, addresses: "10.96.0.0/26" });
    const made = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        (index % 2 === 0 ? one : two).create(Service, service(`web-${index}`, { type: "NodePort" })),
      ),
    );
    expect(new Set(made.map((object) => specOf(object).clusterIP)).size).toBe(60);
    expect(new Set(made.map((object) => specOf(object).ports?.[0]?.nodePort)).size).toBe(60);

    await one.create(Service, service("last-1"));
    await two.create(Service, service("last-2"));
    await expect(one.create(Service, service("full"))).rejects.toThrow("range is full");
    await two.delete(Service, "web-7");
    expect(specOf(await one.create(Service, service("again"))).clusterIP).toBe(specOf(made[7]!).clusterIP);
    await store[Symbol.asyncDispose]();
  });

  test("a node port that one gave back can be had from the other", async () => {
    const store = openMemoryStore({ clock: systemClock });
    await using one = await openRegistryFixture({ store });
    await using two = await openRegistryFixture({ store });
    const named = service("web", { type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] });
    await one.create(Service, named);
    await expect(two.create(Service, { ...named, metadata: { ...named.metadata, name: "b" } })).rejects.toThrow("port");
    await one.delete(Service, "web");
    expect(specOf(await two.create(Service, named)).ports?.[0]?.nodePort).toBe(30001);
    await store[Symbol.asyncDispose]();
  });
});

describe("the repair", () => {
  test("gives back what a crash left reserved without a service, once it is old enough", async () => {
    await using fixture = await openRegistryFixture();
    const { services } = fixture.registry;
    const holder = { namespace: "default", name: "never-written" };
    await services.addresses.take("10.96.0.9", holder, false);
    await services.ports.take(30009, holder, false);
    await repair(fixture, 0);
    expect(await addresses(fixture)).toEqual(["10.96.0.9"]);
    await repair(fixture);
    expect(await addresses(fixture)).toEqual([]);
    expect(await services.ports.all()).toEqual([]);
  });

  test("reserves what a service has and nobody reserved, before anything is served", async () => {
    const store = openMemoryStore({ clock: systemClock });
    {
      await using old = await openRegistryFixture({ store });
      const web = await old.create(Service, service("web", { type: "NodePort" }));
      const { clusterIP = "", ports = [] } = specOf(web);
      const holder = { namespace: "default", name: "web" };
      await old.registry.services.addresses.release(clusterIP, holder);
      await old.registry.services.ports.release(ports[0]?.nodePort ?? 0, holder);
    }
    await using restarted = await openRegistryFixture({ store });
    const { clusterIP, ports } = specOf(restarted.registry.of(Service).known("default", "web").object);
    await expect(restarted.create(Service, service("b", { clusterIP }))).rejects.toThrow("already allocated");
    const wanted = { type: "NodePort", ports: [{ port: 80, nodePort: ports?.[0]?.nodePort }] };
    await expect(restarted.create(Service, service("b", wanted))).rejects.toThrow("already allocated");
    await store[Symbol.asyncDispose]();
  });

  test("leaves alone what people made by hand and what is in use", async () => {
    await using fixture = await openRegistryFixture();
    await fixture.create(Service, service("web"));
    const own = { metadata: { name: "10.96.1.1" }, spec: { parentRef: { resource: "gateways", name: "mine" } } };
    await fixture.create(IPAddress, own);
    const before = await addresses(fixture);
    await repair(fixture);
    expect(await addresses(fixture)).toEqual(before);
    await expect(fixture.create(Service, service("b", { clusterIP: "10.96.1.1" }))).rejects.toThrow("allocated");
  });
});

test("a ServiceCIDR adds addresses", async () => {
  await using fixture = await openRegistryFixture({ addresses: "10.96.0.0/30" });
  const wanted = service("far", { clusterIP: "10.200.0.7" });
  await expect(fixture.create(Service, wanted)).rejects.toThrow("The range of valid IPs is 10.96.0.0/30");
  await fixture.create(ServiceCIDR, { metadata: { name: "more" }, spec: { cidrs: ["10.200.0.0/24"] } });
  await fixture.registry.of(ServiceCIDR).cache.current();
  expect(specOf(await fixture.create(Service, wanted)).clusterIP).toBe("10.200.0.7");
  for (const name of ["a", "b", "c"]) await fixture.create(Service, service(name));
});

describe("with one range of each family", () => {
  const open = () => openRegistryFixture({ addresses: "10.96.0.0/16,fd00:96::/112" });
  const shape = ({ ipFamilies, ipFamilyPolicy, clusterIPs = [] }: Service["spec"]) => ({
    ipFamilyPolicy,
    ipFamilies,
    addresses: clusterIPs.map((address) => (address.includes(":") ? "six" : address === "None" ? "None" : "four")),
  });

  test.each([
    { spec: {}, policy: "SingleStack", families: ["IPv4"] },
    { spec: { ipFamilies: ["IPv6"] }, policy: "SingleStack", families: ["IPv6"] },
    { spec: { ipFamilyPolicy: "PreferDualStack" }, policy: "PreferDualStack", families: ["IPv4", "IPv6"] },
    {
      spec: { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv6"] },
      policy: "RequireDualStack",
      families: ["IPv6", "IPv4"],
    },
    { spec: { clusterIP: "fd00:96::5", clusterIPs: ["fd00:96::5"] }, policy: "SingleStack", families: ["IPv6"] },
  ])("$spec gets $families", async ({ spec, policy, families }) => {
    await using fixture = await open();
    const made = specOf(await fixture.create(Service, service("web", spec)));
    expect(shape(made)).toEqual({
      ipFamilyPolicy: policy,
      ipFamilies: families,
      addresses: families.map((family) => (family === "IPv6" ? "six" : "four")),
    });
    expect(await addresses(fixture)).toEqual([...(made.clusterIPs ?? [])].sort());
  });

  test("a second family can be asked for later, and given up again with its address", async () => {
    await using fixture = await open();
    const [first] = specOf(await fixture.create(Service, service("web"))).clusterIPs ?? [];
    const change = (policy: string) => (object: AnyObject) => ({
      ...object,
      spec: { ...specOf(object), ipFamilyPolicy: policy },
    });
    const both = specOf(await fixture.update(Service, "web", change("RequireDualStack")));
    expect(shape(both).addresses).toEqual(["four", "six"]);
    expect(await addresses(fixture)).toHaveLength(2);
    const one = specOf(await fixture.update(Service, "web", change("SingleStack")));
    expect(one.clusterIPs).toEqual([first]);
    expect(one.ipFamilies).toEqual(["IPv4"]);
    expect(await addresses(fixture)).toEqual([first]);
  });

  test("the second address is not given up by leaving it out", async () => {
    await using fixture = await open();
    await fixture.create(Service, service("web", { ipFamilyPolicy: "RequireDualStack" }));
    const shorter = (object: AnyObject) => {
      const { clusterIPs = [], ...spec } = specOf(object);
      return { ...object, spec: { ...spec, clusterIPs: clusterIPs.slice(0, 1) } };
    };
    await expect(fixture.update(Service, "web", shorter)).rejects.toThrow(
      "must be 'SingleStack' to release the secondary cluster IP",
    );
  });
});

test("on a cluster of one family, two are refused by who requires them and left out by who prefers them", async () => {
  await using fixture = await openRegistryFixture();
  await expect(fixture.create(Service, service("a", { ipFamilyPolicy: "RequireDualStack" }))).rejects.toThrow(
    "this cluster is not configured for dual-stack services",
  );
  await expect(fixture.create(Service, service("a", { ipFamilies: ["IPv6"] }))).rejects.toThrow(
    'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
  );
  const preferring = specOf(await fixture.create(Service, service("a", { ipFamilyPolicy: "PreferDualStack" })));
  expect(preferring.ipFamilies).toEqual(["IPv4"]);
  const free = specOf(await fixture.create(Service, service("b", { clusterIP: "None", selector: null })));
  expect(free).toMatchObject({
    ipFamilyPolicy: "RequireDualStack",
    ipFamilies: ["IPv4", "IPv6"],
    clusterIPs: ["None"],
  });
});

test("one port over two protocols is one port on the nodes", async () => {
  await using fixture = await openRegistryFixture();
  const ports = [
    { name: "udp", port: 53, protocol: "UDP" },
    { name: "tcp", port: 53, protocol: "TCP" },
  ];
  const [udp, tcp] = specOf(await fixture.create(Service, service("dns", { type: "NodePort", ports }))).ports ?? [];
  expect(udp?.nodePort).toBeGreaterThan(0);
  expect(tcp?.nodePort).toBe(udp?.nodePort);
});
