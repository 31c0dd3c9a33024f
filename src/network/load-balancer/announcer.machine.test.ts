import { expect, test } from "vitest";
import { silentLog } from "../../lib/log.ts";
import { mustRun } from "../machine/command.ts";
import { type Front, noChange } from "../proxy/front.ts";
import { openNftProxy } from "../proxy/nft/backend.ts";
import { fakePodAddress, fakeSixth, openFakeNode } from "../testing/fake-node.ts";
import { joinNamespaces, openNamespace, setSysctls, type TestNamespace } from "../testing/namespaces.ts";
import { openAnnouncer } from "./announcer.ts";

const balancer = { IPv4: "203.0.113.50", IPv6: "2001:db8::50" } as const;

test("a balancer's address is answered for on the node's network, and given up again", async () => {
  await using fake = await openFakeNode(1, { ipv6: true });
  const { node, outside, pods } = fake;
  await pods[0]!.ask({ op: "serve", protocol: "tcp", port: 8080, host: fakeSixth.pod(0), name: "sixth" });
  await mustRun(node.run, ["ip", "link", "add", "nvs-test", "type", "bridge"]);
  await mustRun(node.run, ["ip", "link", "set", "nvs-test", "up"]);
  const front = (address: string, ip: string): Front => ({
    door: { kind: "address", address, protocol: "tcp", port: 80 },
    ...{ service: "test/service", masquerade: "everybody", targets: [{ ip, port: 8080 }] },
  });
  const table = { table: "navarch-test", run: node.run };
  await using fourth = openNftProxy({ ...table, family: "IPv4", podRanges: ["10.244.0.0/16"], serviceRanges: [] });
  await using sixth = openNftProxy({ ...table, family: "IPv6", podRanges: ["fd00:244::/48"], serviceRanges: [] });
  await fourth.apply({ ...noChange, put: [front(balancer.IPv4, fakePodAddress(0))] });
  await sixth.apply({ ...noChange, put: [front(balancer.IPv6, fakeSixth.pod(0))] });
  const announcer = await openAnnouncer({
    run: node.run,
    serviceDevice: "nvs-test",
    ownDevices: ["br0"],
    log: silentLog,
  });
  const answer = async (host: string, from = outside) =>
    (await from.ask({ op: "ask", protocol: "tcp", host, port: 80 })).answer?.split(" ")[0];
  const heard = async (host: string, name: string) => {
    // Addresses of IPv6 settle for a while after their interface came up.
    for (let tries = 0; tries < 20; tries++) if ((await answer(host)) === name) return name;
    return undefined;
  };

  expect(await answer(balancer.IPv4)).toBeUndefined();
  await announcer.announce(new Set([balancer.IPv4, balancer.IPv6]));
  expect(await heard(balancer.IPv4, "pod1")).toBe("pod1");
  expect(await heard(balancer.IPv6, "sixth")).toBe("sixth");
  expect(await answer(balancer.IPv4, node)).toBe("pod1");

  // A process that comes after a crash takes back what nobody wants any more.
  const next = await openAnnouncer({ run: node.run, serviceDevice: "nvs-test", ownDevices: ["br0"], log: silentLog });
  await next.announce(new Set([balancer.IPv6]));
  await mustRun(outside.run, ["ip", "neigh", "flush", "dev", "eth0"]);
  expect(await answer(balancer.IPv4)).toBeUndefined();
  expect(await heard(balancer.IPv6, "sixth")).toBe("sixth");
  await next[Symbol.asyncDispose]();
  const proxies = await mustRun(node.run, ["ip", "neigh", "show", "proxy"]);
  const routes = await mustRun(node.run, ["ip", "route", "show", "proto", "119"]);
  expect([proxies.trim(), routes.trim()]).toEqual(["", ""]);
});

test("neighbours that knew an address at another node send to the one that took it, at once", async () => {
  await using stack = new AsyncDisposableStack();
  const [one, two, outside] = [
    stack.use(await openNamespace("one")),
    stack.use(await openNamespace("two")),
    stack.use(await openNamespace("nbr")),
  ];
  await mustRun(outside.run, ["ip", "link", "add", "br0", "type", "bridge"]);
  await mustRun(outside.run, ["ip", "link", "set", "br0", "up"]);
  await mustRun(outside.run, ["ip", "addr", "add", "203.0.113.2/24", "dev", "br0"]);
  await mustRun(outside.run, ["ip", "addr", "add", "2001:db8::2/64", "dev", "br0", "nodad"]);
  for (const [index, node] of [one, two].entries()) {
    await joinNamespaces(
      { in: outside, device: `cable${index}` },
      { in: node, device: "eth0", address: `203.0.113.${10 + index}/24` },
    );
    await mustRun(outside.run, ["ip", "link", "set", `cable${index}`, "master", "br0"]);
    await mustRun(node.run, ["ip", "addr", "add", `2001:db8::${10 + index}/64`, "dev", "eth0", "nodad"]);
    await mustRun(node.run, ["ip", "link", "add", "nvs-test", "type", "bridge"]);
    await mustRun(node.run, ["ip", "link", "set", "nvs-test", "up"]);
    await setSysctls(node, { "net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1" });
  }
  const macOf = async (node: TestNamespace) =>
    JSON.parse(await mustRun(node.run, ["ip", "-j", "link", "show", "eth0"]))[0].address as string;
  const known = async (address: string) => {
    const [entry] = JSON.parse((await mustRun(outside.run, ["ip", "-j", "neigh", "show", address])) || "[]");
    return entry?.lladdr as string | undefined;
  };
  const addresses = new Set<string>(Object.values(balancer));
  const options = { serviceDevice: "nvs-test", ownDevices: [], log: silentLog };
  await using _first = await openAnnouncer({ ...options, run: one.run });
  await using second = await openAnnouncer({ ...options, run: two.run });
  // As after traffic that went to the first node; it does not answer any more.
  for (const address of addresses) {
    await mustRun(outside.run, [
      "ip",
      "neigh",
      "replace",
      address,
      "lladdr",
      await macOf(one),
      "dev",
      "br0",
      "nud",
      "stale",
    ]);
  }
  await second.announce(addresses);
  const there = await macOf(two);
  for (const address of addresses) {
    await expect.poll(() => known(address), { timeout: 20_000 }).toBe(there);
  }
});
