import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { IpFamily } from "../machine/address.ts";
import type { PolicyBackend } from "./backend.ts";
import type { NetworkPolicyInput, PolicyNamespaceInput, PolicyPodInput } from "./policy-input.ts";
import { PolicyTable } from "./table.ts";

/** Who can begin a connection: a pod of the node by number, the node itself, a pod of another node, or the world. */
export type End = number | "node" | "elsewhere";

export interface Reach {
  readonly port?: number;
  readonly protocol?: "tcp" | "udp";
  /** Reaches a pod by the address of a service that has it as its only endpoint. */
  readonly byService?: boolean;
}

/**
 * A node called `here` with three pods, and a pod of another node. Every pod answers on TCP 8080, 8081 and 9090 and on
 * UDP 8080. `localPodRanges` hold the three and no other address.
 */
export interface PolicyHarness extends AsyncDisposable {
  readonly backend: PolicyBackend;
  readonly family: IpFamily;
  readonly addresses: readonly string[];
  readonly elsewhere: string;
  /** Whether the other end answers a new connection; what policy closes is never answered. */
  reaches(from: End, to: Exclude<End, "node">, options?: Reach): Promise<boolean>;
  /** Begins a connection that lasts and says whether it still carries data when asked later. */
  hold?(from: number, to: number): Promise<() => Promise<boolean>>;
}

const clients = { from: [{ podSelector: { matchLabels: { role: "client" } } }] };

/** Every PolicyBackend passes this suite; a backend's own test file is one call to it. */
export function policyBackendContract(name: string, open: () => Promise<PolicyHarness>): void {
  describe(`${name}: network policies`, () => {
    let harness: PolicyHarness;
    let table: PolicyTable;
    beforeAll(async () => {
      harness = await open();
      table = new PolicyTable({ nodeName: "here", family: harness.family });
    }, 60_000);
    afterAll(async () => {
      await harness?.[Symbol.asyncDispose]();
    });

    const pod = (index: number, labels: Record<string, string>, namespace = "shop"): PolicyPodInput => ({
      metadata: { namespace, name: `pod${index}`, labels },
      spec: {
        nodeName: "here",
        containers: [
          {
            ports: [
              { name: "web", containerPort: 8080 },
              { name: "admin", containerPort: index === 1 ? 9090 : 8081 },
            ],
          },
        ],
      },
      status: { phase: "Running", podIPs: [{ ip: harness.addresses[index]! }] },
    });
    const remote = (labels: Record<string, string>): PolicyPodInput => ({
      metadata: { namespace: "shop", name: "remote", labels },
      spec: { nodeName: "there", containers: [{ ports: [{ name: "web", containerPort: 8080 }] }] },
      status: { phase: "Running", podIPs: [{ ip: harness.elsewhere }] },
    });
    const policy = (spec: NetworkPolicyInput["spec"], policyName = "policy"): NetworkPolicyInput => ({
      metadata: { namespace: "shop", name: policyName },
      spec,
    });
    const namespace = (labels: Record<string, string>, annotations?: Record<string, string>): PolicyNamespaceInput => ({
      metadata: { name: "shop", labels, annotations },
    });
    // Asked at the same time: what is not answered takes its time.
    const outcomes = (...asked: readonly Promise<boolean>[]) => Promise.all(asked);
    const commit = () => harness.backend.apply(table.drain());
    const put = (...policies: NetworkPolicyInput[]) => {
      for (const each of policies) table.setPolicy(each);
      return commit();
    };

    // Pods 0 and 1 are in `shop`; 2 is a neighbour in another namespace.
    beforeEach(async () => {
      table.setNamespace(namespace({}));
      table.setNamespace({ metadata: { name: "next-door", labels: { team: "friends" } } });
      table.setPod(pod(0, { role: "client" }));
      table.setPod(pod(1, { role: "server" }));
      table.setPod(pod(2, { role: "client" }, "next-door"));
      table.setPod(remote({ role: "client" }));
      for (const policyName of ["policy", "another"]) table.deletePolicy(policy({}, policyName));
      await commit();
    });

    test("everything is open before there is a policy", async () => {
      expect(
        await outcomes(harness.reaches(0, 1), harness.reaches("elsewhere", 1), harness.reaches(1, "elsewhere")),
      ).toEqual([true, true, true]);
    });

    test("a policy without rules closes the pods it selects, and no others", async () => {
      await put(policy({ podSelector: { matchLabels: { role: "server" } } }));
      expect(await outcomes(harness.reaches(0, 1), harness.reaches("elsewhere", 1), harness.reaches(1, 0))).toEqual([
        false,
        false,
        true,
      ]);
      table.deletePolicy(policy({}));
      await commit();
      expect(await harness.reaches(0, 1)).toBe(true);
    });

    test("the node's own traffic to its pods is never closed", async () => {
      await put(policy({ podSelector: {}, policyTypes: ["Ingress", "Egress"] }));
      expect(await harness.reaches("node", 1)).toBe(true);
    });

    test("a pod reaches itself whatever isolates it", async () => {
      await put(policy({ podSelector: {}, policyTypes: ["Ingress", "Egress"] }));
      expect(await outcomes(harness.reaches(1, 1), harness.reaches(1, 1, { byService: true }))).toEqual([true, true]);
    });

    test("pods are let in by label, from this node and from others, and follow their labels", async () => {
      await put(policy({ podSelector: { matchLabels: { role: "server" } }, ingress: [clients] }));
      expect(await outcomes(harness.reaches(0, 1), harness.reaches("elsewhere", 1), harness.reaches(2, 1))).toEqual([
        true,
        true,
        false,
      ]);
      table.setPod(pod(0, { role: "stranger" }));
      table.setPod(remote({ role: "stranger" }));
      await commit();
      expect(await outcomes(harness.reaches(0, 1), harness.reaches("elsewhere", 1))).toEqual([false, false]);
    });

    test("a service's traffic is judged by the endpoint it goes to and the pod it comes from", async () => {
      await put(policy({ podSelector: { matchLabels: { role: "server" } }, ingress: [clients] }));
      expect(
        await outcomes(harness.reaches(0, 1, { byService: true }), harness.reaches(2, 1, { byService: true })),
      ).toEqual([true, false]);
    });

    test("namespaces are let in by label, and pods of theirs when both are named", async () => {
      const friends = { namespaceSelector: { matchLabels: { team: "friends" } } };
      await put(policy({ podSelector: { matchLabels: { role: "server" } }, ingress: [{ from: [friends] }] }));
      expect(await outcomes(harness.reaches(2, 1), harness.reaches(0, 1))).toEqual([true, false]);
      const both = { ...friends, podSelector: { matchLabels: { role: "boss" } } };
      await put(policy({ podSelector: { matchLabels: { role: "server" } }, ingress: [{ from: [both] }] }));
      expect(await harness.reaches(2, 1)).toBe(false);
      table.setPod(pod(2, { role: "boss" }, "next-door"));
      await commit();
      expect(await harness.reaches(2, 1)).toBe(true);
      table.setNamespace({ metadata: { name: "next-door", labels: { team: "rivals" } } });
      await commit();
      expect(await harness.reaches(2, 1)).toBe(false);
    });

    test("ports are let in by number, range, name and protocol", async () => {
      const ports = (...list: { protocol?: "TCP" | "UDP"; port?: number | string; endPort?: number }[]) =>
        put(policy({ podSelector: { matchLabels: { role: "server" } }, ingress: [{ ports: list }] }));
      const open = () =>
        outcomes(
          harness.reaches(0, 1, { port: 8080 }),
          harness.reaches(0, 1, { port: 8081 }),
          harness.reaches(0, 1, { port: 9090 }),
          harness.reaches(0, 1, { port: 8080, protocol: "udp" }),
        );
      await ports({ port: 8080 });
      expect(await open()).toEqual([true, false, false, false]);
      await ports({ port: 8081, endPort: 9999 });
      expect(await open()).toEqual([false, true, true, false]);
      await ports({ port: "admin" });
      expect(await open()).toEqual([false, false, true, false]);
      await ports({ protocol: "UDP" });
      expect(await open()).toEqual([false, false, false, true]);
      await ports({ port: 8080, endPort: 8090 }, { port: 8081, endPort: 9090 }, { port: "web" });
      expect(await open()).toEqual([true, true, true, false]);
    });

    test("blocks of addresses are let in, without what they except", async () => {
      const block = (cidr: string, ...except: string[]) =>
        put(
          policy({
            podSelector: { matchLabels: { role: "server" } },
            ingress: [{ from: [{ ipBlock: { cidr, except } }] }],
          }),
        );
      const all = harness.family === "IPv4" ? "0.0.0.0/0" : "::/0";
      const one = (address: string) => `${address}/${harness.family === "IPv4" ? 32 : 128}`;
      await block(all);
      expect(await outcomes(harness.reaches(0, 1), harness.reaches("elsewhere", 1))).toEqual([true, true]);
      await block(all, one(harness.elsewhere));
      expect(await outcomes(harness.reaches(0, 1), harness.reaches("elsewhere", 1))).toEqual([true, false]);
      await block(one(harness.elsewhere));
      expect(await outcomes(harness.reaches(0, 1), harness.reaches("elsewhere", 1))).toEqual([false, true]);
    });

    test("egress is closed and opened apart from ingress", async () => {
      await put(policy({ podSelector: { matchLabels: { role: "client" } }, policyTypes: ["Egress"] }));
      expect(await outcomes(harness.reaches(0, 1), harness.reaches(0, "elsewhere"), harness.reaches(1, 0))).toEqual([
        false,
        false,
        true,
      ]);
      const servers = { podSelector: { matchLabels: { role: "server" } } };
      await put(
        policy({
          podSelector: { matchLabels: { role: "client" } },
          policyTypes: ["Egress"],
          egress: [{ to: [servers], ports: [{ port: "admin" }] }],
        }),
      );
      expect(
        await outcomes(
          harness.reaches(0, 1, { port: 9090 }),
          harness.reaches(0, 1, { port: 8080 }),
          harness.reaches(0, "elsewhere"),
        ),
      ).toEqual([true, false, false]);
    });

    test("both ends must agree", async () => {
      await put(
        policy({ podSelector: {}, policyTypes: ["Ingress", "Egress"] }),
        policy({ podSelector: { matchLabels: { role: "client" } }, policyTypes: ["Egress"], egress: [{}] }, "another"),
      );
      expect(await outcomes(harness.reaches(0, 1), harness.reaches(0, "elsewhere"))).toEqual([false, true]);
      await put(policy({ podSelector: { matchLabels: { role: "server" } }, ingress: [{}] }));
      expect(await harness.reaches(0, 1)).toBe(true);
    });

    test("what any one policy lets in is let in", async () => {
      const server = { matchLabels: { role: "server" } };
      await put(
        policy({ podSelector: server, ingress: [{ ...clients, ports: [{ port: 8080 }] }] }),
        policy(
          { podSelector: server, ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: 9090 }] }] },
          "another",
        ),
      );
      expect(
        await outcomes(
          harness.reaches(0, 1, { port: 8080 }),
          harness.reaches(0, 1, { port: 9090 }),
          harness.reaches(2, 1, { port: 8080 }),
          harness.reaches(2, 1, { port: 9090 }),
        ),
      ).toEqual([true, true, false, true]);
    });

    test("the namespace annotation of 2016 closes ingress until policies open it", async () => {
      const annotation = { "net.beta.kubernetes.io/network-policy": '{"ingress":{"isolation":"DefaultDeny"}}' };
      table.setNamespace(namespace({}, annotation));
      await commit();
      expect(await outcomes(harness.reaches(0, 1), harness.reaches(0, "elsewhere"))).toEqual([false, true]);
      await put(policy({ podSelector: { matchLabels: { role: "server" } }, ingress: [clients] }));
      expect(await outcomes(harness.reaches(0, 1), harness.reaches("elsewhere", 0))).toEqual([true, false]);
    });

    test("an address is closed as long as the pod that will be isolated may have it", async () => {
      const unknown: PolicyPodInput = { ...pod(1, { role: "server" }), status: { phase: "Pending" } };
      table.setPod(unknown);
      await put(policy({ podSelector: { matchLabels: { role: "server" } } }));
      expect(await outcomes(harness.reaches(0, 1), harness.reaches(2, 0))).toEqual([false, true]);
      table.setPod(pod(1, { role: "stranger" }));
      await commit();
      expect(await harness.reaches(0, 1)).toBe(true);
    });

    test("an established connection goes on when a policy closes its way; a new one does not begin", async () => {
      const alive = await harness.hold?.(0, 1);
      await put(policy({ podSelector: {}, policyTypes: ["Ingress", "Egress"] }));
      expect(await harness.reaches(0, 1)).toBe(false);
      if (alive) expect(await alive()).toBe(true);
    });

    test("has nothing to repair after what it applied itself", async () => {
      const edges = harness.family === "IPv4" ? ["10.0.0.0/8", "10.1.0.0/16"] : ["fd00::/16", "fd00:1::/32"];
      const ipBlock = { cidr: edges[0]!, except: [edges[1]!] };
      await put(
        policy({
          podSelector: {},
          policyTypes: ["Ingress", "Egress"],
          ingress: [{ from: [{ ipBlock }], ports: [{ port: 1, endPort: 65_535 }, { protocol: "SCTP" }] }, clients],
          egress: [{ to: [{ namespaceSelector: {} }], ports: [{ port: "web" }] }],
        }),
      );
      table.setPod({ ...pod(2, { role: "server" }), status: { phase: "Pending" } });
      await commit();
      expect(await harness.backend.resync()).toEqual({ repaired: 0 });
    });
  });
}
