import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { IpFamily } from "../machine/address.ts";
import type { ProxyBackend } from "./backend.ts";
import { doorKey, type Front, noChange, type Protocol, type Target } from "./front.ts";

/**
 * A node with at least three pods that the suite can ask from. The pods are in 10.244.0.0/24 or fd00:244::/64, cluster IPs in
 * 10.96.0.0/16 or fd00:96::/108, and every pod answers on port 8080, TCP and UDP, with its name and the client's address as it sees it.
 */
export interface ProxyHarness extends AsyncDisposable {
  readonly backend: ProxyBackend;
  readonly family: IpFamily;
  readonly pods: readonly { readonly name: string; readonly target: Target }[];
  readonly nodeAddress: string;
  readonly outsideAddress: string;
  /** Opens one new connection from a pod (by index), the node, or a client outside the cluster. */
  ask(from: number | "node" | "outside", to: Knock): Promise<Answer>;
  /** Lets time pass by which affinity wears off. */
  pass(milliseconds: number): Promise<void>;
}

export interface Knock {
  readonly host: string;
  readonly port: number;
  readonly protocol?: "tcp" | "udp";
  readonly sourcePort?: number;
}

/** Which pod answered and whom it saw; or that the connection was refused, or not answered at all. */
export type Answer = { readonly pod: string; readonly sees: string } | "refused" | "silence";

let lastAddress = 0;

/** Every ProxyBackend passes this suite; a backend's own test file is one call to it. */
export function proxyBackendContract(name: string, open: () => Promise<ProxyHarness>): void {
  describe(`${name}: service proxy`, () => {
    let harness: ProxyHarness;
    beforeAll(async () => {
      harness = await open();
    }, 60_000);
    afterAll(async () => {
      await harness?.[Symbol.asyncDispose]();
    });

    const targets = (...indexes: number[]) => indexes.map((index) => harness.pods[index]!.target);
    const isSixth = () => harness.family === "IPv6";
    const freshAddress = () => (isSixth() ? `fd00:96::7:${(++lastAddress).toString(16)}` : `10.96.7.${++lastAddress}`);
    /** The node's own loopback, where the kernel lets node ports answer: of IPv4 only. */
    const loopback = () => (isSixth() ? harness.nodeAddress : "127.0.0.1");
    const strangers = () => (isSixth() ? "2001:db8:5::/48" : "192.0.2.0/24");
    const front = (
      address: string,
      to: readonly Target[],
      extra: Partial<Front> = {},
      protocol: Protocol = "tcp",
    ): Front => ({
      door: { kind: "address", address, protocol, port: 80 },
      service: "test/service",
      masquerade: "outsidePods",
      targets: to,
      ...extra,
    });
    const nodePort = (port: number, to: readonly Target[], extra: Partial<Front> = {}): Front => ({
      door: { kind: "nodePort", protocol: "tcp", port },
      service: "test/service",
      masquerade: "everybody",
      targets: to,
      ...extra,
    });
    const put = (...fronts: Front[]) => harness.backend.apply({ ...noChange, put: fronts });
    const podsThatAnswer = async (from: number | "node" | "outside", to: Knock, times: number) => {
      const seen = new Set<string>();
      for (let i = 0; i < times; i++) {
        const answer = await harness.ask(from, to);
        seen.add(typeof answer === "string" ? answer : answer.pod);
      }
      return [...seen].sort();
    };

    for (const protocol of ["tcp", "udp"] as const) {
      test(`spreads ${protocol} connections to a cluster IP over all targets`, async () => {
        const host = freshAddress();
        await put(front(host, targets(0, 1, 2), {}, protocol));
        expect(await podsThatAnswer(0, { host, port: 80, protocol }, 40)).toEqual(["pod1", "pod2", "pod3"]);
      });

      test(`refuses ${protocol} to a service without endpoints, from pods and from the node`, async () => {
        const host = freshAddress();
        await put(front(host, [], {}, protocol));
        expect(await harness.ask(0, { host, port: 80, protocol })).toBe("refused");
        expect(await harness.ask("node", { host, port: 80, protocol })).toBe("refused");
      });
    }

    test("shows a pod the address of the pod that calls it through a cluster IP", async () => {
      const host = freshAddress();
      await put(front(host, targets(1)));
      expect(await harness.ask(0, { host, port: 80 })).toEqual({ pod: "pod2", sees: harness.pods[0]!.target.ip });
    });

    test("lets a pod reach itself through its service", async () => {
      const host = freshAddress();
      await put(front(host, targets(0)));
      const answer = await harness.ask(0, { host, port: 80 });
      expect(answer).toMatchObject({ pod: "pod1" });
      expect(answer).not.toMatchObject({ sees: harness.pods[0]!.target.ip });
    });

    test("answers at a cluster IP for the node itself and, masqueraded, for clients outside", async () => {
      const host = freshAddress();
      await put(front(host, targets(1)));
      expect(await harness.ask("node", { host, port: 80 })).toMatchObject({ pod: "pod2" });
      const answer = await harness.ask("outside", { host, port: 80 });
      expect(answer).toMatchObject({ pod: "pod2" });
      expect(answer).not.toMatchObject({ sees: harness.outsideAddress });
    });

    test("answers a node port on the node's address from outside, from pods, and on loopback", async () => {
      await put(nodePort(30001, targets(1)));
      const host = harness.nodeAddress;
      expect(await harness.ask("outside", { host, port: 30001 })).toMatchObject({ pod: "pod2" });
      expect(await harness.ask("node", { host, port: 30001 })).toMatchObject({ pod: "pod2" });
      expect(await harness.ask(0, { host, port: 30001 })).toMatchObject({ pod: "pod2" });
      expect(await harness.ask("node", { host: loopback(), port: 30001 })).toMatchObject({ pod: "pod2" });
    });

    test("refuses a node port of a service without endpoints", async () => {
      await put(nodePort(30002, []));
      expect(await harness.ask("outside", { host: harness.nodeAddress, port: 30002 })).toBe("refused");
      expect(await harness.ask("node", { host: loopback(), port: 30002 })).toBe("refused");
    });

    test("keeps the client's address and this node's targets under the Local external policy", async () => {
      await put(nodePort(30003, targets(0, 1, 2), { localOnly: targets(2) }));
      const host = harness.nodeAddress;
      expect(await podsThatAnswer("outside", { host, port: 30003 }, 8)).toEqual(["pod3"]);
      expect(await harness.ask("outside", { host, port: 30003 })).toEqual({
        pod: "pod3",
        sees: harness.outsideAddress,
      });
      expect((await podsThatAnswer(0, { host, port: 30003 }, 40)).length).toBe(3);
      expect((await podsThatAnswer("node", { host, port: 30003 }, 40)).length).toBe(3);
    });

    test("drops outside clients under the Local external policy on a node without targets", async () => {
      await put(nodePort(30004, targets(0), { localOnly: [] }));
      expect(await harness.ask("outside", { host: harness.nodeAddress, port: 30004 })).toBe("silence");
      expect(await harness.ask(1, { host: harness.nodeAddress, port: 30004 })).toMatchObject({ pod: "pod1" });
    });

    test("drops, not refuses, under the Local internal policy on a node without targets", async () => {
      const host = freshAddress();
      await put(front(host, [], { drop: true }));
      expect(await harness.ask(0, { host, port: 80 })).toBe("silence");
    });

    test("keeps a client with one target under ClientIP affinity, until the target goes", async () => {
      const host = freshAddress();
      await put(
        front(host, targets(0, 1, 2), { affinitySeconds: 600 }),
        nodePort(30005, targets(0, 1, 2), { affinitySeconds: 600 }),
      );
      const [chosen, ...others] = await podsThatAnswer(0, { host, port: 80 }, 12);
      expect(others).toEqual([]);
      expect(await podsThatAnswer("outside", { host: harness.nodeAddress, port: 30005 }, 12)).toHaveLength(1);
      const left = targets(0, 1, 2).filter((_, index) => harness.pods[index]!.name !== chosen);
      await put(front(host, left, { affinitySeconds: 600 }));
      const [next, ...rest] = await podsThatAnswer(0, { host, port: 80 }, 12);
      expect(rest).toEqual([]);
      expect(next).not.toBe(chosen);
    });

    test("keeps clients under ClientIP affinity with a target that stays, whichever others come and go", async () => {
      const host = freshAddress();
      const sticky = (...indexes: number[]) => front(host, targets(...indexes), { affinitySeconds: 600 });
      const localOnly = (...indexes: number[]) =>
        nodePort(30006, targets(...indexes), { affinitySeconds: 600, localOnly: targets(...indexes) });
      await put(sticky(2), localOnly(2));
      const outside = { host: harness.nodeAddress, port: 30006 };
      expect(await podsThatAnswer(0, { host, port: 80 }, 1)).toEqual(["pod3"]);
      expect(await podsThatAnswer("outside", outside, 1)).toEqual(["pod3"]);
      for (const indexes of [[0, 1, 2], [1, 2], [2], [0, 2]]) {
        await put(sticky(...indexes), localOnly(...indexes));
        expect(await podsThatAnswer(0, { host, port: 80 }, 6)).toEqual(["pod3"]);
        expect(await podsThatAnswer("outside", outside, 6)).toEqual(["pod3"]);
      }
    });

    test("forgets affinity when it wears off", async () => {
      const host = freshAddress();
      await put(front(host, targets(0, 1, 2), { affinitySeconds: 1 }));
      const seen = new Set<string>();
      for (let i = 0; i < 12 && seen.size < 2; i++) {
        const answer = await harness.ask(0, { host, port: 80 });
        if (typeof answer !== "string") seen.add(answer.pod);
        await harness.pass(1100);
      }
      expect(seen.size).toBe(2);
    });

    test("sends no new connection to a target that was removed", async () => {
      const host = freshAddress();
      await put(front(host, targets(0, 1, 2)));
      await put(front(host, targets(1)));
      expect(await podsThatAnswer(0, { host, port: 80 }, 20)).toEqual(["pod2"]);
      await put(front(host, targets(1, 2)));
      expect(await podsThatAnswer(0, { host, port: 80 }, 30)).toEqual(["pod2", "pod3"]);
    });

    test("moves a UDP client to another target when its own is removed", async () => {
      const host = freshAddress();
      const knock = { host, port: 80, protocol: "udp", sourcePort: 40_001 } as const;
      await put(front(host, targets(1), {}, "udp"));
      expect(await harness.ask(0, knock)).toMatchObject({ pod: "pod2" });
      await put(front(host, targets(2), {}, "udp"));
      expect(await harness.ask(0, knock)).toMatchObject({ pod: "pod3" });
    });

    test("answers a UDP client whose service had no endpoint when it began to ask", async () => {
      const host = freshAddress();
      const knock = { host, port: 80, protocol: "udp", sourcePort: 40_002 } as const;
      await put(front(host, [], {}, "udp"));
      await harness.ask(0, knock);
      await put(front(host, targets(2), {}, "udp"));
      expect(await harness.ask(0, knock)).toMatchObject({ pod: "pod3" });
    });

    test("refuses an address that no service has, also after its service is gone", async () => {
      const host = freshAddress();
      const door = front(host, targets(0));
      await put(door);
      await harness.backend.apply({ ...noChange, remove: [doorKey(door.door)] });
      expect(await harness.ask(1, { host, port: 80 })).toBe("refused");
      expect(await harness.ask("node", { host, port: 80 })).toBe("refused");
    });

    test("lets only the source ranges of a load balancer in", async () => {
      const open = freshAddress();
      const shut = freshAddress();
      await put(
        front(open, targets(0), {
          masquerade: "everybody",
          sourceRanges: [strangers(), `${harness.outsideAddress}/${isSixth() ? 128 : 32}`],
        }),
        front(shut, targets(0), { masquerade: "everybody", sourceRanges: [strangers()] }),
      );
      expect(await harness.ask("outside", { host: open, port: 80 })).toMatchObject({ pod: "pod1" });
      expect(await harness.ask("outside", { host: shut, port: 80 })).toBe("silence");
    });

    test("sends a host port to its pod, from outside, from the node's loopback and from the pod itself", async () => {
      const target = harness.pods[1]!.target;
      await harness.backend.apply({ ...noChange, putHostPorts: [{ protocol: "tcp", port: 9090, target }] });
      const host = harness.nodeAddress;
      expect(await harness.ask("outside", { host, port: 9090 })).toEqual({ pod: "pod2", sees: harness.outsideAddress });
      expect(await harness.ask("node", { host: loopback(), port: 9090 })).toMatchObject({ pod: "pod2" });
      expect(await harness.ask(1, { host, port: 9090 })).toMatchObject({ pod: "pod2" });
      await harness.backend.apply({ ...noChange, removeHostPorts: ["tcp/9090"] });
      expect(await harness.ask("outside", { host, port: 9090 })).not.toMatchObject({ pod: "pod2" });
    });

    test("has nothing to repair after what it applied itself", async () => {
      await harness.backend.resync();
      expect(await harness.backend.resync()).toEqual({ repaired: 0 });
    });
  });
}
