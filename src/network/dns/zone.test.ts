import { describe, expect, test } from "vitest";
import { answer } from "./answer.ts";
import { rcode, recordType } from "./wire.ts";
import { Zone } from "./zone.ts";

const slice = (
  service: string,
  endpoints: readonly object[],
  ports: readonly object[] = [{ name: "peer", port: 7000, protocol: "TCP" }],
) => ({
  metadata: { namespace: "shop", name: `${service}-1`, labels: { "kubernetes.io/service-name": service } },
  addressType: "IPv4",
  endpoints: endpoints as { addresses: string[] }[],
  ports: ports as { port: number }[],
});

function shopZone(): Zone {
  const zone = new Zone({ domain: "cluster.local", serverAddresses: ["10.96.0.10"] });
  const service = (name: string, spec: object) => zone.setService({ metadata: { namespace: "shop", name }, spec });
  service("web", {
    clusterIP: "10.96.1.1",
    clusterIPs: ["10.96.1.1", "fd00::1"],
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  });
  service("db", { clusterIP: "None", clusterIPs: ["None"], ports: [{ name: "peer", port: 7000 }] });
  service("empty", { clusterIP: "None", clusterIPs: ["None"] });
  service("away", { type: "ExternalName", externalName: "db.example.com" });
  zone.setSlice(
    slice("db", [
      { addresses: ["10.244.0.5"], hostname: "db-0" },
      { addresses: ["10.244.0.6"], hostname: "db-1", conditions: { ready: true } },
      { addresses: ["10.244.0.7"], conditions: { ready: true } },
      { addresses: ["10.244.0.8"], hostname: "db-3", conditions: { ready: false, serving: true, terminating: true } },
    ]),
  );
  return zone;
}

/** The answer as lines `TYPE data`, or the response code. */
function ask(zone: Zone, name: string, type: keyof typeof recordType, turn = 0): string[] | string {
  const query = {
    ...{ id: 1, opcode: 0, recursionDesired: true, checkingDisabled: false, questionEnd: 0, class: 1 },
    ...{ name, type: recordType[type] },
  };
  const decision = answer(zone, query, { reverseRanges: ["10.96.0.0/16", "10.244.0.0/16"], turn });
  if (decision.kind === "alias") return [`alias ${decision.target}`];
  if (decision.kind === "forward") return "forward";
  const { reply } = decision;
  if (reply.answers.length === 0) {
    expect(reply.authority.map(({ name, data }) => `${name} ${data.type}`)).toEqual(["cluster.local SOA"]);
    return reply.rcode === rcode.noSuchName ? "NXDOMAIN" : "NODATA";
  }
  return reply.answers.map(({ data }) => Object.values(data).join(" "));
}

describe("zone: what names mean (Kubernetes DNS specification 1.1)", () => {
  test.each([
    { sentence: "a service has its cluster IP", name: "web.shop.svc.cluster.local", type: "A", is: ["A 10.96.1.1"] },
    {
      sentence: "a service has its second family's IP",
      name: "web.shop.svc.cluster.local",
      type: "AAAA",
      is: ["AAAA fd00::1"],
    },
    {
      sentence: "a headless service has its ready endpoints' addresses",
      name: "db.shop.svc.cluster.local",
      type: "A",
      is: ["A 10.244.0.5", "A 10.244.0.6", "A 10.244.0.7"],
    },
    {
      sentence: "a headless service without endpoints exists",
      name: "empty.shop.svc.cluster.local",
      type: "A",
      is: "NODATA",
    },
    {
      sentence: "a family that a service has not is no data",
      name: "db.shop.svc.cluster.local",
      type: "AAAA",
      is: "NODATA",
    },
    {
      sentence: "a pod with a hostname has its name",
      name: "db-0.db.shop.svc.cluster.local",
      type: "A",
      is: ["A 10.244.0.5"],
    },
    {
      sentence: "a pod without one is named by its address",
      name: "10-244-0-7.db.shop.svc.cluster.local",
      type: "A",
      is: ["A 10.244.0.7"],
    },
    {
      sentence: "a pod that is not ready has no name",
      name: "db-3.db.shop.svc.cluster.local",
      type: "A",
      is: "NXDOMAIN",
    },
    {
      sentence: "a named port of a service is found",
      name: "_http._tcp.web.shop.svc.cluster.local",
      type: "SRV",
      is: ["SRV 0 100 80 web.shop.svc.cluster.local"],
    },
    {
      sentence: "a named port of a headless service leads to each pod",
      name: "_peer._tcp.db.shop.svc.cluster.local",
      type: "SRV",
      is: [
        "SRV 0 33 7000 db-0.db.shop.svc.cluster.local",
        "SRV 0 33 7000 db-1.db.shop.svc.cluster.local",
        "SRV 0 33 7000 10-244-0-7.db.shop.svc.cluster.local",
      ],
    },
    {
      sentence: "a port's name has no address",
      name: "_http._tcp.web.shop.svc.cluster.local",
      type: "A",
      is: "NODATA",
    },
    {
      sentence: "a port of another protocol is not there",
      name: "_http._udp.web.shop.svc.cluster.local",
      type: "SRV",
      is: "NXDOMAIN",
    },
    {
      sentence: "a protocol's name exists above its ports",
      name: "_tcp.web.shop.svc.cluster.local",
      type: "SRV",
      is: "NODATA",
    },
    {
      sentence: "an external name is an alias",
      name: "away.shop.svc.cluster.local",
      type: "A",
      is: ["alias db.example.com"],
    },
    {
      sentence: "an alias can be asked for itself",
      name: "away.shop.svc.cluster.local",
      type: "CNAME",
      is: ["CNAME db.example.com"],
    },
    { sentence: "a pod's address is a name", name: "10-1-2-3.shop.pod.cluster.local", type: "A", is: ["A 10.1.2.3"] },
    { sentence: "a pod's name must be an address", name: "10-1-2.shop.pod.cluster.local", type: "A", is: "NXDOMAIN" },
    { sentence: "the version is a text", name: "dns-version.cluster.local", type: "TXT", is: ["TXT 1.1.0"] },
    { sentence: "a namespace exists", name: "shop.svc.cluster.local", type: "A", is: "NODATA" },
    { sentence: "the branch of services exists", name: "svc.cluster.local", type: "A", is: "NODATA" },
    { sentence: "a service that is not there", name: "nope.shop.svc.cluster.local", type: "A", is: "NXDOMAIN" },
    { sentence: "a branch that is not there", name: "nope.cluster.local", type: "A", is: "NXDOMAIN" },
    { sentence: "the apex has a name server", name: "cluster.local", type: "NS", is: ["NS ns.dns.cluster.local"] },
    { sentence: "the name server has an address", name: "ns.dns.cluster.local", type: "A", is: ["A 10.96.0.10"] },
    {
      sentence: "a cluster IP has a name",
      name: "1.1.96.10.in-addr.arpa",
      type: "PTR",
      is: ["PTR web.shop.svc.cluster.local"],
    },
    {
      sentence: "a second family's IP has a name",
      name: `1.${"0.".repeat(27)}0.0.d.f.ip6.arpa`,
      type: "PTR",
      is: ["PTR web.shop.svc.cluster.local"],
    },
    {
      sentence: "a headless pod's address has a name",
      name: "5.0.244.10.in-addr.arpa",
      type: "PTR",
      is: ["PTR db-0.db.shop.svc.cluster.local"],
    },
    {
      sentence: "an address of the cluster that nobody has",
      name: "9.9.96.10.in-addr.arpa",
      type: "PTR",
      is: "NXDOMAIN",
    },
    { sentence: "an address elsewhere is the world's", name: "8.8.8.8.in-addr.arpa", type: "PTR", is: "forward" },
    { sentence: "other names are the world's", name: "example.com", type: "A", is: "forward" },
  ] as const)("$sentence: $type $name", ({ name, type, is }) => {
    expect(ask(shopZone(), name, type)).toEqual(is);
  });

  test("turns the addresses of a headless service from answer to answer", () => {
    expect(ask(shopZone(), "db.shop.svc.cluster.local", "A", 1)).toEqual([
      "A 10.244.0.6",
      "A 10.244.0.7",
      "A 10.244.0.5",
    ]);
  });

  test("follows changes of slices and services, also in reverse", () => {
    const zone = shopZone();
    zone.setSlice(slice("db", [{ addresses: ["10.244.0.9"], hostname: "db-0" }]));
    expect(ask(zone, "db-0.db.shop.svc.cluster.local", "A")).toEqual(["A 10.244.0.9"]);
    expect(ask(zone, "5.0.244.10.in-addr.arpa", "PTR")).toBe("NXDOMAIN");
    expect(ask(zone, "9.0.244.10.in-addr.arpa", "PTR")).toEqual(["PTR db-0.db.shop.svc.cluster.local"]);
    zone.deleteService({ metadata: { namespace: "shop", name: "db" } });
    expect(ask(zone, "db-0.db.shop.svc.cluster.local", "A")).toBe("NXDOMAIN");
    expect(ask(zone, "9.0.244.10.in-addr.arpa", "PTR")).toBe("NXDOMAIN");
    zone.setService({ metadata: { namespace: "shop", name: "db" }, spec: { clusterIP: "None" } });
    expect(ask(zone, "db.shop.svc.cluster.local", "A")).toEqual(["A 10.244.0.9"]);
  });

  test("knows slices that came before their service", () => {
    const zone = new Zone({ domain: "cluster.local", serverAddresses: [] });
    zone.setSlice(slice("late", [{ addresses: ["10.244.0.5"] }]));
    zone.setService({ metadata: { namespace: "shop", name: "late" }, spec: { clusterIP: "None" } });
    expect(ask(zone, "late.shop.svc.cluster.local", "A")).toEqual(["A 10.244.0.5"]);
  });

  test("tells namespaces that are not there once it knows which are", () => {
    const zone = shopZone();
    zone.setNamespace("quiet");
    expect(ask(zone, "quiet.svc.cluster.local", "A")).toBe("NODATA");
    expect(ask(zone, "10-0-0-1.nowhere.pod.cluster.local", "A")).toBe("NXDOMAIN");
  });

  test("verifies pods when told to", () => {
    const zone = new Zone({ domain: "cluster.local", serverAddresses: [], pods: "verified" });
    const pod = { metadata: { namespace: "shop", name: "a" }, status: { podIP: "10.244.0.5" } };
    zone.setPod(pod);
    expect(ask(zone, "10-244-0-5.shop.pod.cluster.local", "A")).toEqual(["A 10.244.0.5"]);
    expect(ask(zone, "10-244-0-6.shop.pod.cluster.local", "A")).toBe("NXDOMAIN");
    zone.deletePod(pod);
    expect(ask(zone, "10-244-0-5.shop.pod.cluster.local", "A")).toBe("NXDOMAIN");
  });
});
