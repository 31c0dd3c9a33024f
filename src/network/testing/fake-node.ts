import { mustRun } from "../machine/command.ts";
import { joinNamespaces, openNamespace, setSysctls, type TestNamespace } from "./namespaces.ts";

/** A node with a pod bridge, pods on it, and a client outside, all of them namespaces. */
export interface FakeNode extends AsyncDisposable {
  readonly node: TestNamespace;
  readonly outside: TestNamespace;
  /** Pods named `pod1`, `pod2`, ... at 10.244.0.11, 10.244.0.12, ...; each answers with its name on TCP and UDP 8080. */
  readonly pods: readonly TestNamespace[];
}

export const fakeNodeAddress = "203.0.113.1";
export const fakeOutsideAddress = "203.0.113.2";
/** The address of the pod at an index, from 0. */
export const fakePodAddress = (index: number) => `10.244.0.${11 + index}`;
/** The IPv6 addresses beside them, for a node that was opened with `ipv6`. */
export const fakeSixth = {
  node: "2001:db8::1",
  outside: "2001:db8::2",
  pod: (index: number) => `fd00:244::${11 + index}`,
} as const;

/** Builds one; needs root. With `ipv6` everything has an address of that family as well. */
export async function openFakeNode(podCount: number, options: { readonly ipv6?: boolean } = {}): Promise<FakeNode> {
  const stack = new AsyncDisposableStack();
  try {
    const node = stack.use(await openNamespace("node"));
    const outside = stack.use(await openNamespace("out"));
    await joinNamespaces(
      { in: node, device: "up0", address: `${fakeNodeAddress}/24` },
      { in: outside, device: "eth0", address: `${fakeOutsideAddress}/24` },
    );
    await mustRun(node.run, ["ip", "link", "add", "br0", "type", "bridge"]);
    await mustRun(node.run, ["ip", "addr", "add", "10.244.0.1/24", "dev", "br0"]);
    await mustRun(node.run, ["ip", "link", "set", "br0", "up"]);
    await mustRun(node.run, ["ip", "route", "add", "default", "via", fakeOutsideAddress]);
    await mustRun(outside.run, ["ip", "route", "add", "10.96.0.0/16", "via", fakeNodeAddress]);
    await setSysctls(node, {
      "net.ipv4.ip_forward": "1",
      "net.bridge.bridge-nf-call-iptables": "1",
      "net.ipv4.conf.br0.route_localnet": "1",
    });
    const pods: TestNamespace[] = [];
    for (let i = 0; i < podCount; i++) {
      const pod = stack.use(await openNamespace(`pod${i + 1}`));
      await joinNamespaces(
        { in: node, device: `veth${i}` },
        { in: pod, device: "eth0", address: `${fakePodAddress(i)}/24` },
      );
      await mustRun(node.run, ["ip", "link", "set", `veth${i}`, "master", "br0"]);
      // What the CNI bridge plugin does with hairpinMode: a frame may leave by the port it came in.
      await mustRun(node.run, ["bridge", "link", "set", "dev", `veth${i}`, "hairpin", "on"]);
      await mustRun(pod.run, ["ip", "route", "add", "default", "via", "10.244.0.1"]);
      await pod.ask({ op: "serve", protocol: "tcp", port: 8080, name: `pod${i + 1}` });
      await pod.ask({ op: "serve", protocol: "udp", port: 8080, name: `pod${i + 1}` });
      pods.push(pod);
    }
    if (options.ipv6) await addIpv6(node, outside, pods);
    return { node, outside, pods, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function addIpv6(node: TestNamespace, outside: TestNamespace, pods: readonly TestNamespace[]): Promise<void> {
  // Without looking for duplicates first, the addresses can be used at once.
  const add = (place: TestNamespace, device: string, address: string) =>
    mustRun(place.run, ["ip", "addr", "add", `${address}/64`, "dev", device, "nodad"]);
  await setSysctls(node, { "net.ipv6.conf.all.forwarding": "1", "net.bridge.bridge-nf-call-ip6tables": "1" });
  await add(node, "br0", "fd00:244::1");
  await add(node, "up0", fakeSixth.node);
  await add(outside, "eth0", fakeSixth.outside);
  for (const [index, pod] of pods.entries()) {
    await add(pod, "eth0", fakeSixth.pod(index));
    await mustRun(pod.run, ["ip", "-6", "route", "add", "default", "via", "fd00:244::1"]);
  }
}
