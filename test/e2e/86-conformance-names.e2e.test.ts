import { createConnection } from "node:net";
import { decode, encode } from "dns-packet";
import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { addressesOf, NetClient, netPod, netProgram } from "./tools/net-pods.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { scriptPod } from "./tools/workloads.ts";

/* Names as pods find them, by the names of upstream's conformance list. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "conformance-names");
const get = (...args: readonly string[]) => cluster.get("-n", ns, ...args);
const zone = "svc.cluster.local";

let client: NetClient;
/** A pod with a host name in a headless Service's domain. */
let named: NetClient;
let namedAddress = "";

const service = (name: string, spec: object) => ({ apiVersion: "v1", kind: "Service", metadata: { name }, spec });
const ports = [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }];
const subdomain = "test-service-2";
const fullName = `querier-2.${subdomain}.${ns}.${zone}`;
/** A name that is found by `ask`, once the name server knows it. */
const finds = (name: string, ask: () => Promise<unknown>, expected: unknown) =>
  eventually(`${name} is found`, async () => expect(await ask()).toEqual(expected));
/** The IPv4 addresses that stand for exactly this name. */
const resolves = (name: string, addresses: readonly string[]) =>
  finds(name, () => client.resolve(name, "A"), addresses);

beforeAll(async () => {
  await cluster.apply(
    ns,
    netProgram,
    netPod("client"),
    netPod("querier-2", { labels: { name: "querier-2" }, spec: { hostname: "querier-2", subdomain } }),
    service(subdomain, { clusterIP: "None", selector: { name: "querier-2" }, ports }),
    service("regular", { selector: { name: "querier-2" }, ports }),
    service("target", { selector: { name: "querier-2" }, ports }),
    service("outer", { type: "ExternalName", externalName: `regular.${ns}.${zone}` }),
    scriptPod("own-servers", "cat /etc/resolv.conf; sleep 100000", {
      dnsPolicy: "None",
      dnsConfig: {
        nameservers: ["1.1.1.1"],
        searches: ["resolv.conf.local"],
        options: [{ name: "ndots", value: "2" }],
      },
    }),
  );
  const [one, two] = await addressesOf(cluster, ns, "client", "querier-2");
  client = new NetClient(one!);
  named = new NetClient(two!);
  namedAddress = two!;
});

/** An answer of the cluster's name server over TCP. */
async function overTcp(server: string, name: string): Promise<readonly string[]> {
  const question = encode({ type: "query", id: 7, flags: 256, questions: [{ type: "A", name }] });
  const socket = createConnection({ host: server, port: 53 });
  socket.write(Buffer.concat([Buffer.from([question.length >> 8, question.length & 255]), question]));
  let heard = Buffer.alloc(0);
  for await (const part of socket) {
    heard = Buffer.concat([heard, part]);
    if (heard.length >= 2 && heard.length >= heard.readUInt16BE(0) + 2) break;
  }
  socket.destroy();
  const { answers = [] } = decode(heard.subarray(2));
  return answers.flatMap((answer) => (answer.type === "A" ? [answer.data] : []));
}

describe("DNS", () => {
  test("should provide DNS for the cluster", async () => {
    const { spec } = await cluster.get("service", "kubernetes");
    const { spec: dns } = await cluster.get("-n", "kube-system", "service", "kube-dns");
    await resolves(`kubernetes.default.${zone}`, [spec.clusterIP]);
    for (const name of ["kubernetes.default", "kubernetes.default.svc"]) {
      await finds(name, () => client.lookup(name), [spec.clusterIP]);
    }
    expect(await overTcp(dns.clusterIP, `kubernetes.default.${zone}`)).toEqual([spec.clusterIP]);
  });

  test("should provide /etc/hosts entries for the cluster", async () => {
    const hosts = await named.read("/etc/hosts");
    expect(hosts.split("\n").map((line) => line.split(/\s+/))).toContainEqual([namedAddress, fullName, "querier-2"]);
    for (const name of ["querier-2", fullName]) expect(await named.lookup(name)).toEqual([namedAddress]);
  });

  test("should provide DNS for services", async () => {
    const { clusterIP } = (await get("service", "regular")).spec;
    await resolves(`regular.${ns}.${zone}`, [clusterIP]);
    await resolves(`${subdomain}.${ns}.${zone}`, [namedAddress]);
    const target = (name: string) => [expect.objectContaining({ name, port: name.startsWith("regular") ? 80 : 8080 })];
    for (const [name, host] of [
      ["regular", `regular.${ns}.${zone}`],
      [subdomain, fullName],
    ]) {
      const record = `_http._tcp.${name}.${ns}.${zone}`;
      await finds(record, () => client.resolve(record, "SRV"), target(host!));
    }
    await finds(clusterIP, () => client.resolve(clusterIP, "PTR"), [`regular.${ns}.${zone}`]);
    await finds(namedAddress, () => client.resolve(namedAddress, "PTR"), [fullName]);
  });

  test("should resolve DNS of partial qualified names for services", async () => {
    const { clusterIP } = (await get("service", "regular")).spec;
    const partial = (name: string) => [name, `${name}.${ns}`, `${name}.${ns}.svc`];
    for (const name of partial("regular")) await finds(name, () => client.lookup(name), [clusterIP]);
    for (const name of partial(subdomain)) await finds(name, () => client.lookup(name), [namedAddress]);
    const searches = await client.read("/etc/resolv.conf");
    const [, list = ""] = /^search (.*)$/m.exec(searches) ?? [];
    expect(list.split(" ").slice(0, 3)).toEqual([`${ns}.${zone}`, zone, "cluster.local"]);
    // What a resolver makes of the partial names of records: one of the list's domains is behind each.
    for (const [at, name] of partial(subdomain).entries()) {
      const record = `_http._tcp.${name}.${list.split(" ")[at]}`;
      await finds(record, () => client.resolve(record, "SRV"), [expect.objectContaining({ name: fullName })]);
    }
  });

  test("should provide DNS for pods for Hostname", async () => {
    await resolves(fullName, [namedAddress]);
    await finds("its short form", () => client.lookup(`querier-2.${subdomain}`), [namedAddress]);
    expect(await named.hostname()).toBe("querier-2");
  });

  test("should provide DNS for pods for Subdomain", async () => {
    await resolves(`${subdomain}.${ns}.${zone}`, [namedAddress]);
    await finds("its short form", () => named.lookup(`${subdomain}.${ns}`), [namedAddress]);
  });

  test("should provide DNS for ExternalName services", async () => {
    const name = `outer.${ns}.${zone}`;
    const leadsTo = (other: string) => finds(name, () => client.resolve(name, "CNAME"), [other]);
    const patch = (spec: object) =>
      cluster.kubectl("patch", "service", "-n", ns, "outer", "-p", JSON.stringify({ spec }));
    await leadsTo(`regular.${ns}.${zone}`);
    await patch({ externalName: `target.${ns}.${zone}` });
    await leadsTo(`target.${ns}.${zone}`);
    await finds("its address", () => client.lookup("outer"), [(await get("service", "target")).spec.clusterIP]);
    await patch({ type: "ClusterIP", externalName: null, ports });
    await resolves(name, [(await get("service", "outer")).spec.clusterIP]);
  });

  test("should support configurable pod DNS nameservers", async () => {
    await cluster.kubectl("wait", "-n", ns, "--for=condition=Ready", "pod/own-servers", "--timeout=60s");
    const lines = (await cluster.kubectl("logs", "-n", ns, "own-servers")).trim().split("\n");
    expect(lines.sort()).toEqual(["nameserver 1.1.1.1", "options ndots:2", "search resolv.conf.local"]);
  });
});
