import { expect, test } from "vitest";
import { mustRun } from "../machine/command.ts";
import { type Front, noChange } from "../proxy/front.ts";
import { openNftProxy } from "../proxy/nft/backend.ts";
import { fakePodAddress, fakeSixth, openFakeNode } from "../testing/fake-node.ts";
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
  const announcer = await openAnnouncer({ run: node.run, serviceDevice: "nvs-test", ownDevices: ["br0"] });
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
  const next = await openAnnouncer({ run: node.run, serviceDevice: "nvs-test", ownDevices: ["br0"] });
  await next.announce(new Set([balancer.IPv6]));
  await mustRun(outside.run, ["ip", "neigh", "flush", "dev", "eth0"]);
  expect(await answer(balancer.IPv4)).toBeUndefined();
  expect(await heard(balancer.IPv6, "sixth")).toBe("sixth");
  await next[Symbol.asyncDispose]();
  const proxies = await mustRun(node.run, ["ip", "neigh", "show", "proxy"]);
  const routes = await mustRun(node.run, ["ip", "route", "show", "proto", "119"]);
  expect([proxies.trim(), routes.trim()]).toEqual(["", ""]);
});
