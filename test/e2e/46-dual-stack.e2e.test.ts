import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type KubeJson, newPlace, TestCluster } from "./tools/cluster.ts";
import { eventually } from "./tools/eventually.ts";
import { type Machine, openMachine } from "./tools/namespace.ts";
import { images } from "./tools/workloads.ts";

/* A cluster of two nodes whose pods, services and nodes have addresses of both families. */

const cluster = new TestCluster(newPlace("dual"));
const { kubectl } = cluster;
const ranges = {
  nodeRange: "10.254.210.0/24,fd00:10:254:d2::/64",
  podRange: "10.180.0.0/16,fd00:10:180::/56",
  serviceRange: "10.130.0.0/16,fd00:10:130::/112",
};
const description = {
  apiVersion: "navarch/v1alpha1",
  kind: "Cluster",
  metadata: { name: cluster.place.name },
  spec: {
    network: ranges,
    nodes: { count: 2 },
    disabledAddOns: ["ingress", "local-path", "metrics-server"],
    controllerManager: {
      flags: { "load-balancer-pool": "10.254.210.192/28,fd00:10:254:d2::c0-fd00:10:254:d2::cf" },
    },
  },
};

/** Tells its name, who asked, and what it knows of its addresses. */
const echo = `require("http").createServer((request, answer) => answer.end([process.env.HOSTNAME,
  request.socket.remoteAddress.replace("::ffff:", ""), process.env.POD_IPS, process.env.HOST_IPS].join(" "))).listen(3000)`;
const fieldRef = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const echoPod = (name: string, nodeName: string, hostPort: number) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app: "echo", name } },
  spec: {
    nodeName,
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: "main",
        image: images.web,
        command: ["node", "-e", echo],
        ports: [{ containerPort: 3000, hostPort }],
        env: [fieldRef("POD_IPS", "status.podIPs"), fieldRef("HOST_IPS", "status.hostIPs")],
        readinessProbe: { tcpSocket: { port: 3000 }, periodSeconds: 1 },
      },
    ],
  },
});
const service = (name: string, spec: object) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { selector: { app: "echo" }, ports: [{ name: "http", port: 80, targetPort: 3000 }], ...spec },
});

let outside: Machine;
let nodes: readonly KubeJson[];
let pods: readonly [KubeJson, KubeJson];

const addressesOf = ({ status }: KubeJson, type = "InternalIP"): readonly string[] =>
  status.addresses
    .filter((known: { type: string }) => known.type === type)
    .map(({ address }: { address: string }) => address);
const ipsOf = (pod: KubeJson): readonly string[] => pod.status.podIPs.map(({ ip }: { ip: string }) => ip);
const url = (address: string, port = 80) => `http://${address.includes(":") ? `[${address}]` : address}:${port}/`;
/** A program that asks all of these at once, and prints what each has answered. */
const fetching = (urls: readonly string[]) =>
  `Promise.all(${JSON.stringify(urls)}.map((url) => fetch(url, { signal: AbortSignal.timeout(3000) })
    .then((answer) => answer.text(), (error) => "refused " + (error.cause?.code ?? error.name))))
    .then((all) => console.log(JSON.stringify(all))).finally(() => process.exit())`;
/** Runs a program of Node.js in the pod. */
const inside = async (pod: KubeJson, code: string) =>
  (await kubectl("exec", pod.metadata.name, "--", "node", "-e", code)).trim();
const ask = async (pod: KubeJson, ...urls: readonly string[]): Promise<readonly string[]> =>
  JSON.parse(await inside(pod, fetching(urls)));
const askFromOutside = (...urls: readonly string[]): readonly string[] =>
  JSON.parse(outside.run(process.execPath, "-e", fetching(urls)));
/** What the pods say, each beginning with its name. */
const byAPod = (urls: readonly string[], name = "echo-\\d") =>
  urls.map(() => expect.stringMatching(new RegExp(`^${name} `)));

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => console.error(await cluster.diagnosis()));
});

beforeAll(async () => {
  mkdirSync(cluster.place.folder, { recursive: true });
  const file = join(cluster.place.folder, "cluster.yaml");
  writeFileSync(file, JSON.stringify(description));
  await cluster.up("--config", file);
  const loaded = await cluster.navarch(["image", "load", images.web, "--name", "dual"]);
  expect(loaded.code, loaded.stderr).toBe(0);
  outside = openMachine({ name: "dualout", address: "10.254.210.150/24", other: { bridge: "navarch210" } });
  outside.run("ip", "address", "add", "fd00:10:254:d2::96/64", "dev", "eth0", "nodad");
  nodes = (await cluster.get("nodes")).items;
  await cluster.apply(
    "default",
    ...nodes.map(({ metadata: { name } }, index) => echoPod(`echo-${index}`, name, 3900 + index)),
    service("both", { type: "NodePort", ipFamilyPolicy: "RequireDualStack" }),
    service("six", { ipFamilies: ["IPv6"] }),
    service("headless", { clusterIP: "None", ipFamilyPolicy: "PreferDualStack" }),
    service("balanced", { type: "LoadBalancer", ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv6", "IPv4"] }),
  );
  await kubectl("wait", "--for=condition=Ready", "pod", "-l", "app=echo", "--timeout=60s");
  const [first, second] = (await cluster.get("pods", "-l", "app=echo")).items;
  pods = [first!, second!];
});
afterAll(async () => {
  await outside?.[Symbol.asyncDispose]();
  await cluster.remove();
});

describe("addresses", () => {
  test("nodes, pods and the range of services have them of both families", async () => {
    expect(nodes.map((node) => addressesOf(node))).toEqual([
      ["10.254.210.1", "fd00:10:254:d2::1"],
      ["10.254.210.2", "fd00:10:254:d2::2"],
    ]);
    for (const { spec } of nodes) {
      expect(spec.podCIDRs).toEqual([
        expect.stringMatching(/^10\.180\.\d+\.0\/24$/),
        expect.stringMatching(/^fd00:10:180(:\d)?::\/64$/),
      ]);
    }
    for (const pod of pods) {
      expect(ipsOf(pod)).toEqual([pod.status.podIP, expect.stringMatching(/^fd00:10:180/)]);
      const node = nodes.find(({ metadata }) => metadata.name === pod.spec.nodeName)!;
      expect(pod.status.hostIPs.map(({ ip }: { ip: string }) => ip)).toEqual(addressesOf(node));
    }
    expect((await cluster.get("servicecidr", "kubernetes")).spec.cidrs).toEqual(ranges.serviceRange.split(","));
  });

  test("a Service has those that it asks for, and slices of each", async () => {
    const { spec: both } = await cluster.get("service", "both");
    expect(both.ipFamilies).toEqual(["IPv4", "IPv6"]);
    expect(both.clusterIPs).toEqual([both.clusterIP, expect.stringMatching(/^fd00:10:130::/)]);
    expect((await cluster.get("service", "six")).spec.clusterIPs).toEqual([expect.stringMatching(/^fd00:10:130::/)]);
    const slices = (await cluster.get("endpointslices", "-l", "kubernetes.io/service-name=both")).items;
    const told = slices.map((slice) => [
      slice.addressType,
      slice.endpoints.map(({ addresses: [address] }: { addresses: string[] }) => address).sort(),
    ]);
    expect(Object.fromEntries(told)).toEqual({
      IPv4: pods.map((pod) => ipsOf(pod)[0]).sort(),
      IPv6: pods.map((pod) => ipsOf(pod)[1]).sort(),
    });
  });

  test("a Service of one family gets the second one when it asks, and gives it back", async () => {
    await cluster.apply("default", service("changing", {}));
    const change = (ipFamilyPolicy: string) =>
      kubectl("patch", "service", "changing", "-p", JSON.stringify({ spec: { ipFamilyPolicy } }));
    await change("PreferDualStack");
    expect((await cluster.get("service", "changing")).spec.clusterIPs).toHaveLength(2);
    await change("SingleStack");
    expect((await cluster.get("service", "changing")).spec.clusterIPs).toHaveLength(1);
    await eventually("its slices are of one family", async () => {
      const slices = (await cluster.get("endpointslices", "-l", "kubernetes.io/service-name=changing")).items;
      expect(slices.map(({ addressType }) => addressType)).toEqual(["IPv4"]);
    });
  });
});

describe("packets of IPv6", () => {
  test("a pod reaches the pod of the other node, which sees its address and knows its own", async () => {
    for (const [from, to] of [pods, pods.toReversed()] as [KubeJson, KubeJson][]) {
      const [, source] = ipsOf(from);
      const { status } = to;
      const host = status.hostIPs.map(({ ip }: { ip: string }) => ip).join();
      const says = [to.metadata.name, source, ipsOf(to).join(), host].join(" ");
      expect(await ask(from, url(ipsOf(to)[1]!, 3000))).toEqual([says]);
    }
  });

  test("services answer at their addresses of both families, on both nodes", async () => {
    const both = (await cluster.get("service", "both")).spec.clusterIPs as readonly string[];
    const six = (await cluster.get("service", "six")).spec.clusterIP as string;
    const urls = [...both, six].map((address) => url(address));
    for (const pod of pods) {
      await eventually("all answer", async () => expect(await ask(pod, ...urls)).toEqual(byAPod(urls)));
    }
  });

  test("node ports and host ports answer at the nodes' addresses, to a machine outside", async () => {
    const port = (await cluster.get("service", "both")).spec.ports[0].nodePort;
    for (const [index, node] of nodes.entries()) {
      const nodePorts = addressesOf(node).map((address) => url(address, port));
      const hostPorts = addressesOf(node).map((address) => url(address, 3900 + index));
      const answers = [...byAPod(nodePorts), ...byAPod(hostPorts, `echo-${index}`)];
      await eventually("all answer", () => expect(askFromOutside(...nodePorts, ...hostPorts)).toEqual(answers));
    }
  });

  test("a balancer's addresses of both families are found by neighbours, and answered", async () => {
    const addresses = await eventually("the Service has addresses of the pool", async () => {
      const { ingress } = (await cluster.get("service", "balanced")).status.loadBalancer;
      return (ingress?.length ?? 0) === 2 && (ingress.map(({ ip }: { ip: string }) => ip) as readonly string[]);
    });
    expect(addresses).toEqual(["fd00:10:254:d2::c0", "10.254.210.193"]);
    const urls = addresses.map((address) => url(address));
    await eventually("both answer", () => expect(askFromOutside(...urls)).toEqual(byAPod(urls)));
  });
});

describe("names", () => {
  const look = (code: string) =>
    inside(
      pods[0],
      `const dns = require("dns").promises; (async () => JSON.stringify(${code}))().then(console.log, (error) => console.log(error.code))`,
    );
  const inCluster = (name: string) => `${name}.default.svc.cluster.local`;

  test("services have AAAA records, and a program finds them by either family", async () => {
    const [four, six] = (await cluster.get("service", "both")).spec.clusterIPs;
    expect(JSON.parse(await look(`await dns.resolve6("${inCluster("both")}")`))).toEqual([six]);
    expect(JSON.parse(await look(`await dns.resolve4("${inCluster("both")}")`))).toEqual([four]);
    expect(await look(`await dns.resolve4("${inCluster("six")}")`)).toBe("ENODATA");
    expect(JSON.parse(await look('await dns.lookup("both", { family: 6 })'))).toEqual({ address: six, family: 6 });
    const headless = JSON.parse(await look(`await dns.resolve6("${inCluster("headless")}")`));
    expect(headless.sort()).toEqual(pods.map((pod) => ipsOf(pod)[1]).sort());
  });

  test("addresses of IPv6 have names", async () => {
    const [, six] = (await cluster.get("service", "both")).spec.clusterIPs;
    expect(JSON.parse(await look(`await dns.reverse("${six}")`))).toEqual([inCluster("both")]);
  });

  test("the name server answers at its address of IPv6, too", async () => {
    const { spec } = await cluster.get("service", "kube-dns", "-n", "kube-system");
    expect(spec.clusterIPs).toEqual(["10.130.0.10", "fd00:10:130::a"]);
    const code = `await (() => { const own = new dns.Resolver(); own.setServers(["fd00:10:130::a"]); return own; })().resolve4("${inCluster("kubernetes")}")`;
    expect(JSON.parse(await look(code))).toEqual(["10.130.0.1"]);
  });
});

test("a policy's block of IPv6 opens for whom it names, and closes for the rest", async () => {
  const [from, to] = pods;
  await cluster.apply("default", {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "six-only" },
    spec: {
      podSelector: { matchLabels: { name: to.metadata.name } },
      ingress: [{ from: [{ ipBlock: { cidr: `${ipsOf(from)[1]}/128` } }] }],
    },
  });
  const [four, six] = ipsOf(to).map((address) => url(address, 3000));
  await eventually("IPv4 is closed, and IPv6 open", async () =>
    expect(await ask(from, four!, six!)).toEqual([
      expect.stringMatching(/^refused/),
      ...byAPod([six!], to.metadata.name),
    ]),
  );
  const hostPorts = addressesOf(nodes[1]!).map((address) => url(address, 3901));
  expect(askFromOutside(...hostPorts)).toEqual(hostPorts.map(() => expect.stringMatching(/^refused/)));
  await kubectl("delete", "networkpolicy", "six-only");
});

test("the machine's own tables of IPv6 go with the cluster", async () => {
  await cluster.interrupt();
  const tables = execFileSync("nft", ["list", "tables"], {
    encoding: "utf8",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  expect(tables.split("\n").filter((line) => line.includes("navarch-dual"))).toEqual([]);
});
