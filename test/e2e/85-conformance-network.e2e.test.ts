import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { KubeJson } from "./tools/cluster.ts";
import { eventually } from "./tools/eventually.ts";
import { addressesOf, dialOnce, NetClient, netPod, netProgram } from "./tools/net-pods.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";

/* Services and the pods behind them, by the names of upstream's conformance list. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "conformance-network");
const kubectl = (...args: readonly string[]) => cluster.kubectl("-n", ns, ...args);
const get = (...args: readonly string[]) => cluster.get("-n", ns, ...args);
const servers = ["netserver-1", "netserver-2", "netserver-3"];

let addresses: readonly string[] = [];
let client: NetClient;
let nodeAddress = "";

const service = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { selector: { role: "netserver" }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
});
const patch = (name: string, spec: object) => kubectl("patch", "service", name, "-p", JSON.stringify({ spec }));
const nodePort = ({ spec }: KubeJson): number => spec.ports[0].nodePort;
/** The ports of each pod behind a Service, by the pod's name, as its Endpoints have them. */
const endpointsOf = async (name: string): Promise<Readonly<Record<string, readonly number[]>>> => {
  const found = (await get("endpoints", name)).subsets ?? [];
  const ports: Record<string, number[]> = {};
  for (const { addresses: ready = [], ports: open } of found)
    for (const { targetRef } of ready)
      ports[targetRef.name] = [...(ports[targetRef.name] ?? []), ...open.map(({ port }: { port: number }) => port)];
  return ports;
};
const shows = (name: string, expected: Readonly<Record<string, readonly number[]>>) =>
  eventually(`the endpoints of ${name} are right`, async () => expect(await endpointsOf(name)).toEqual(expected));
const drop = (pod: string) => kubectl("delete", "pod", pod, "--wait=false");

const isOne = (answers: readonly string[]) => {
  expect(new Set(answers).size).toBe(1);
  expect(servers).toContain(answers[0]);
};
const areSeveral = (answers: readonly string[]) => {
  expect(new Set(answers).size).toBeGreaterThan(1);
  expect(servers).toEqual(expect.arrayContaining([...answers]));
};
const isServed = (answers: readonly string[]) => expect(servers).toContain(answers[0]);

/** A certificate for nobody in particular. */
function certificate(): { readonly key: string; readonly cert: string } {
  const folder = mkdtempSync(join(tmpdir(), "navarch-certificate-"));
  const [key, cert] = [join(folder, "key"), join(folder, "cert")];
  const made = ["-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=pod"];
  execFileSync("openssl", ["req", ...made, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const pair = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  rmSync(folder, { recursive: true });
  return pair;
}

beforeAll(async () => {
  const { key, cert } = certificate();
  const tls = { TLS_PORT: "8443", TLS_KEY: key, TLS_CERT: cert };
  const node = (await cluster.get("nodes")).items[0]!;
  nodeAddress = node.status.addresses.find(({ type }: { type: string }) => type === "InternalIP").address;
  await cluster.apply(
    ns,
    netProgram,
    ...servers.map((name) =>
      netPod(name, { labels: { role: "netserver" }, env: { TCP_PORTS: "8080 8090", UDP_PORTS: "8081 8090", ...tls } }),
    ),
    netPod("client"),
    netPod("on-the-node", { spec: { hostNetwork: true, ...waiting } }),
  );
  const [own, ...others] = await addressesOf(cluster, ns, "client", ...servers, "on-the-node");
  client = new NetClient(own!);
  addresses = others.slice(0, servers.length);
});

/** What stands in for the program's server where its port would be the node's. */
const waiting = {
  containers: [
    {
      name: "main",
      image: "navarch.local/guestbook:v1",
      command: ["node", "-e", "process.on('SIGTERM', () => process.exit()); setInterval(() => {}, 1e6)"],
      volumeMounts: [{ name: "program", mountPath: "/program" }],
    },
  ],
};

describe("Networking Granular Checks: Pods", () => {
  test.each([
    { name: "should function for intra-pod communication: http", protocol: "http", port: 8080 },
    { name: "should function for intra-pod communication: udp", protocol: "udp", port: 8081 },
  ] as const)("$name", async ({ protocol, port }) => {
    for (const [at, host] of addresses.entries()) {
      await client.hears({ protocol, host, port }, (answers) => expect(answers).toEqual([servers[at]]));
    }
  });

  test.each([
    { name: "should function for node-pod communication: http", protocol: "http", port: 8080 },
    { name: "should function for node-pod communication: udp", protocol: "udp", port: 8081 },
  ] as const)("$name", async ({ protocol, port }) => {
    for (const [at, host] of addresses.entries()) {
      await eventually(`${host} answers`, async () =>
        expect(await dialOnce(cluster, ns, "on-the-node", { protocol, host, port })).toBe(servers[at]),
      );
    }
  });
});

describe("Services", () => {
  test("should provide secure master service", async () => {
    const { spec } = await cluster.get("service", "kubernetes");
    expect(spec.ports).toEqual([expect.objectContaining({ name: "https", port: 443, protocol: "TCP" })]);
    // Its certificate is of the cluster's own authority, which this process does not know.
    await expect(fetch(`https://${spec.clusterIP}/livez`)).rejects.toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ message: expect.stringContaining("certificate") }) }),
    );
  });

  test("should find a service from listing all namespaces", async () => {
    expect(await cluster.kubectl("get", "services", "--all-namespaces")).toMatch(/^default +kubernetes +ClusterIP /m);
  });

  test("should serve a basic endpoint from pods", async () => {
    await cluster.apply(ns, service("basic", { selector: { basic: "yes" } }));
    await shows("basic", {});
    for (const name of ["basic-1", "basic-2"]) {
      await cluster.apply(ns, netPod(name, { labels: { basic: "yes" } }));
      await addressesOf(cluster, ns, name);
      const here = name === "basic-1" ? ["basic-1"] : ["basic-1", "basic-2"];
      await shows("basic", Object.fromEntries(here.map((pod) => [pod, [8080]])));
      const seen = new Set<string>();
      await client.hears({ host: "basic", port: 80, count: 4 }, (answers) => {
        for (const answer of answers) seen.add(answer);
        expect([...seen].sort()).toEqual(here);
      });
    }
    await drop("basic-1");
    await shows("basic", { "basic-2": [8080] });
    await client.hears({ host: "basic", port: 80, count: 6 }, (answers) =>
      expect(new Set(answers)).toEqual(new Set(["basic-2"])),
    );
    await drop("basic-2");
    await shows("basic", {});
    await client.hears({ host: "basic", port: 80 }, (answers) => expect(answers).toEqual(["ECONNREFUSED"]));
  });

  test("should serve multiport endpoints from pods", async () => {
    const ports = [
      { name: "portname1", port: 80, targetPort: "one" },
      { name: "portname2", port: 81, targetPort: "two" },
    ];
    await cluster.apply(ns, service("multi", { selector: { multi: "yes" }, ports }));
    await shows("multi", {});
    const pod = (name: string, port: string, containerPort: number) =>
      netPod(name, {
        labels: { multi: "yes" },
        env: { TCP_PORTS: `${containerPort}` },
        ports: [{ name: port, containerPort }],
      });
    await cluster.apply(ns, pod("multi-1", "one", 100));
    await shows("multi", { "multi-1": [100] });
    await client.hears({ host: "multi", port: 80 }, (answers) => expect(answers).toEqual(["multi-1"]));
    await cluster.apply(ns, pod("multi-2", "two", 101));
    await shows("multi", { "multi-1": [100], "multi-2": [101] });
    await client.hears({ host: "multi", port: 80 }, (answers) => expect(answers).toEqual(["multi-1"]));
    await client.hears({ host: "multi", port: 81 }, (answers) => expect(answers).toEqual(["multi-2"]));
    await drop("multi-1");
    await shows("multi", { "multi-2": [101] });
    await client.hears({ host: "multi", port: 81 }, (answers) => expect(answers).toEqual(["multi-2"]));
    await drop("multi-2");
    await shows("multi", {});
  });

  test("should serve endpoints on same port and different protocols", async () => {
    const [tcp, udp] = ["TCP", "UDP"].map((protocol) => ({
      name: protocol.toLowerCase(),
      protocol,
      port: 80,
      targetPort: 8090,
    }));
    await cluster.apply(ns, service("protocols", { ports: [tcp, udp] }));
    const host = (await get("service", "protocols")).spec.clusterIP;
    const refused = (answers: readonly string[]) => expect(answers).toEqual(["ECONNREFUSED"]);
    const over = (protocol: "http" | "udp", expected: (answers: readonly string[]) => void) =>
      client.hears({ protocol, host, port: 80 }, expected);
    const only = (port: object) =>
      kubectl(
        "patch",
        "service",
        "protocols",
        "--type=json",
        "-p",
        JSON.stringify([{ op: "replace", path: "/spec/ports", value: [port] }]),
      );
    await over("http", isServed);
    await over("udp", isServed);
    await only(tcp!);
    await over("udp", refused);
    await over("http", isServed);
    await only(udp!);
    await over("http", refused);
    await over("udp", isServed);
  });

  test("should be able to create a functioning NodePort service", async () => {
    await cluster.apply(ns, service("node-port", { type: "NodePort" }));
    const made = await get("service", "node-port");
    await client.hears({ host: "node-port", port: 80 }, isServed);
    await client.hears({ host: made.spec.clusterIP, port: 80 }, isServed);
    await client.hears({ host: nodeAddress, port: nodePort(made) }, isServed);
  });

  test("should have session affinity work for service with type clusterIP", async () => {
    await cluster.apply(ns, service("sticky", { sessionAffinity: "ClientIP" }));
    const { spec } = await get("service", "sticky");
    for (const host of ["sticky", spec.clusterIP]) await client.hears({ host, port: 80, count: 15 }, isOne);
  });

  test("should have session affinity work for NodePort service", async () => {
    await cluster.apply(ns, service("sticky-node-port", { type: "NodePort", sessionAffinity: "ClientIP" }));
    const made = await get("service", "sticky-node-port");
    await client.hears({ host: made.spec.clusterIP, port: 80, count: 15 }, isOne);
    await client.hears({ host: nodeAddress, port: nodePort(made), count: 15 }, isOne);
  });

  test("should be able to switch session affinity for service with type clusterIP", async () => {
    await cluster.apply(ns, service("switched", { sessionAffinity: "ClientIP" }));
    const call = { host: "switched", port: 80, count: 15 };
    await client.hears(call, isOne);
    await patch("switched", { sessionAffinity: "None" });
    await client.hears(call, areSeveral);
    await patch("switched", { sessionAffinity: "ClientIP" });
    await client.hears(call, isOne);
  });

  test("should be able to switch session affinity for NodePort service", async () => {
    await cluster.apply(ns, service("switched-node-port", { type: "NodePort", sessionAffinity: "ClientIP" }));
    const call = { host: nodeAddress, port: nodePort(await get("service", "switched-node-port")), count: 15 };
    await client.hears(call, isOne);
    await patch("switched-node-port", { sessionAffinity: "None" });
    await client.hears(call, areSeveral);
    await patch("switched-node-port", { sessionAffinity: "ClientIP" });
    await client.hears(call, isOne);
  });

  /** A client that was silent for longer than the timeout may be sent to another pod, and some time it is. */
  async function forgetsItsClient(call: { readonly host: string; readonly port: number }): Promise<void> {
    await client.hears({ ...call, count: 15 }, isOne);
    const [first] = await client.dial(call);
    await eventually(
      "another pod answers",
      async () => {
        const [now] = await client.dial(call);
        expect(servers).toContain(now);
        return now !== first;
      },
      { every: 2_500, within: 90_000 },
    );
  }
  const forgetful = { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 2 } } };

  test("should have session affinity timeout work for service with type clusterIP", async () => {
    await cluster.apply(ns, service("forgetful", forgetful));
    await forgetsItsClient({ host: "forgetful", port: 80 });
  });

  test("should have session affinity timeout work for NodePort service", async () => {
    await cluster.apply(ns, service("forgetful-node-port", { type: "NodePort", ...forgetful }));
    await forgetsItsClient({ host: nodeAddress, port: nodePort(await get("service", "forgetful-node-port")) });
  });

  const outer = (name: string) =>
    service(name, {
      type: "ExternalName",
      externalName: `basic.${ns}.svc.cluster.local`,
      selector: undefined,
      ports: undefined,
    });
  const resolvesToBasic = (name: string) =>
    eventually(`${name} is the other Service's address`, async () =>
      expect(await client.lookup(name)).toEqual([(await get("service", "basic")).spec.clusterIP]),
    );
  const becomesExternal = async (name: string) => {
    await patch(name, { type: "ExternalName", externalName: `basic.${ns}.svc.cluster.local` });
    const { spec } = await get("service", name);
    expect(spec.clusterIP).toBeUndefined();
    expect(spec.ports?.[0]?.nodePort).toBeUndefined();
    await resolvesToBasic(name);
  };

  test("should be able to change the type from ClusterIP to ExternalName", async () => {
    await cluster.apply(ns, service("was-cluster-ip"));
    await client.hears({ host: "was-cluster-ip", port: 80 }, isServed);
    await becomesExternal("was-cluster-ip");
  });

  test("should be able to change the type from NodePort to ExternalName", async () => {
    await cluster.apply(ns, service("was-node-port", { type: "NodePort" }));
    const port = nodePort(await get("service", "was-node-port"));
    await client.hears({ host: nodeAddress, port }, isServed);
    await becomesExternal("was-node-port");
    await client.hears({ host: nodeAddress, port }, (answers) => expect(answers).toEqual(["ECONNREFUSED"]));
  });

  const inner = { externalName: null, selector: { role: "netserver" }, ports: [{ port: 80, targetPort: 8080 }] };

  test("should be able to change the type from ExternalName to ClusterIP", async () => {
    await cluster.apply(ns, outer("to-cluster-ip"));
    expect((await get("service", "to-cluster-ip")).spec.clusterIP).toBeUndefined();
    await resolvesToBasic("to-cluster-ip");
    await patch("to-cluster-ip", { type: "ClusterIP", ...inner });
    const { spec } = await get("service", "to-cluster-ip");
    for (const host of [spec.clusterIP, "to-cluster-ip"]) await client.hears({ host, port: 80 }, isServed);
  });

  test("should be able to change the type from ExternalName to NodePort", async () => {
    await cluster.apply(ns, outer("to-node-port"));
    await patch("to-node-port", { type: "NodePort", ...inner });
    const made = await get("service", "to-node-port");
    for (const host of [made.spec.clusterIP, "to-node-port"]) await client.hears({ host, port: 80 }, isServed);
    await client.hears({ host: nodeAddress, port: nodePort(made) }, isServed);
  });
});

describe("Service endpoints latency", () => {
  test("should not be very high", async () => {
    const many = Array.from({ length: 100 }, (_, at) => `latency-${at}`);
    await cluster.apply(ns, ...many.map((name) => service(name)));
    // The half of upstream's hundred may take 20 s, nine tenths 50 s.
    const within = 20_000;
    await eventually(
      "all have endpoints",
      async () => {
        const { items } = await get("endpoints");
        const ready = items.filter(({ metadata, subsets }) => many.includes(metadata.name) && subsets?.[0]?.addresses);
        expect(ready).toHaveLength(many.length);
      },
      { within },
    );
  });
});

describe("Proxy", () => {
  const methods = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

  test("version v1 should proxy through a service and a pod", async () => {
    const ports = [
      { name: "portname1", port: 80, targetPort: 8080 },
      { name: "tlsportname1", port: 443, targetPort: 8443 },
    ];
    await cluster.apply(ns, service("proxied", { ports }));
    const pods = `/api/v1/namespaces/${ns}/pods`;
    const services = `/api/v1/namespaces/${ns}/services`;
    for (const path of [
      ...["client:8080", "http:client:8080", "https:netserver-1:8443"].map((pod) => `${pods}/${pod}`),
      ...[
        "proxied:portname1",
        "proxied:80",
        "http:proxied:portname1",
        "https:proxied:tlsportname1",
        "https:proxied:443",
      ].map((name) => `${services}/${name}`),
    ]) {
      await eventually(`${path} answers`, async () =>
        expect(await cluster.kubectl("get", "--raw", `${path}/proxy/hostname`)).toMatch(/^(client|netserver-\d)$/),
      );
    }
  });

  test.each([
    { name: "version v1 A set of valid responses are returned for both pod and service Proxy", path: "" },
    {
      name: "version v1 A set of valid responses are returned for both pod and service ProxyWithPath",
      path: "/echo?a=b",
    },
  ])("$name", async ({ path }) => {
    await cluster.apply(ns, service("echoing"));
    await using proxy = cluster.startKubectl("proxy", "--port=0", "--reject-methods=^$");
    const base = `http://${(await proxy.says(/Starting to serve on (\S+)/))[1]}/api/v1/namespaces/${ns}`;
    for (const target of ["pods/http:netserver-1:8080", "services/http:echoing:80"]) {
      for (const method of methods) {
        await eventually(`${method} ${target}`, async () => {
          // Without a path the answer says where the path begins, and fetch goes there.
          const answer = await fetch(`${base}/${target}/proxy${path}`, { method });
          expect(answer.status).toBe(200);
          const said = await answer.text();
          if (method !== "HEAD") expect(said).toMatch(path ? `${method} ${path}` : /^netserver-\d$/);
        });
      }
    }
  });
});

describe("EndpointSlice", () => {
  test("should create Endpoints and EndpointSlices for Pods matching a Service", async () => {
    await cluster.apply(ns, service("sliced"));
    const expected = Object.fromEntries(servers.map((name, at) => [name, addresses[at]]));
    await shows("sliced", Object.fromEntries(servers.map((name) => [name, [8080]])));
    await eventually("the slices have the pods", async () => {
      const { items } = await get("endpointslices", "-l", "kubernetes.io/service-name=sliced");
      const found = items.flatMap(
        ({ endpoints }) => endpoints as { targetRef: { name: string }; addresses: string[] }[],
      );
      expect(Object.fromEntries(found.map((one) => [one.targetRef.name, one.addresses[0]]))).toEqual(expected);
    });
  });

  test("should have Endpoints and EndpointSlices pointing to API Server", async () => {
    const { subsets } = await cluster.get("endpoints", "kubernetes");
    const { items } = await cluster.get("endpointslices", "-l", "kubernetes.io/service-name=kubernetes");
    const sliced = items.flatMap(({ endpoints, ports }) => [endpoints[0].addresses[0], ports[0].port]);
    expect(sliced).toEqual([subsets[0].addresses[0].ip, subsets[0].ports[0].port]);
  });
});

describe("HostPort", () => {
  test("validates that there is no conflict between pods with same hostPort but different hostIP and protocol", async () => {
    const hostPort = await freePort();
    const pods = [
      { name: "host-port-1", hostIP: "127.0.0.1", protocol: "TCP", containerPort: 8080 },
      { name: "host-port-2", hostIP: nodeAddress, protocol: "TCP", containerPort: 8080 },
      { name: "host-port-3", hostIP: nodeAddress, protocol: "UDP", containerPort: 8081 },
    ];
    await cluster.apply(ns, ...pods.map(({ name, ...port }) => netPod(name, { ports: [{ hostPort, ...port }] })));
    await addressesOf(cluster, ns, ...pods.map(({ name }) => name));
    for (const { name, hostIP: host, protocol } of pods) {
      const call = { protocol: protocol === "TCP" ? "http" : "udp", host, port: hostPort } as const;
      await eventually(`${name} answers`, async () =>
        expect(await dialOnce(cluster, ns, "on-the-node", call)).toBe(name),
      );
    }
  });

  async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { readonly port: number };
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
});
