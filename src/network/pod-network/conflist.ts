/** What a node's pods are connected with. */
export interface PodNetworkPlan {
  /** The network's name, unique on the machine. */
  readonly name: string;
  readonly bridge: string;
  /** This node's pod ranges, at most one per IP family. */
  readonly podCIDRs: readonly string[];
  readonly mtu: number;
  /** Where addresses given out are written down; private to this node. */
  readonly addressDir: string;
  /** Whether the bandwidth plugin is installed, for `kubernetes.io/ingress-bandwidth`. */
  readonly bandwidth?: boolean;
}

/**
 * The CNI configuration list of a node (CNI 1.0.0): a bridge whose gateway is the node, addresses by host-local. The
 * runtime brings the loopback interface up itself. Masquerading and host ports are not left to plugins: the node's own
 * nftables tables do both.
 */
export function cniConflist(plan: PodNetworkPlan) {
  return {
    cniVersion: "1.0.0",
    name: plan.name,
    plugins: [
      {
        type: "bridge",
        bridge: plan.bridge,
        isGateway: true,
        ipMasq: false,
        // A pod that reaches itself through a service leaves by the port it came in.
        hairpinMode: true,
        mtu: plan.mtu,
        ipam: {
          type: "host-local",
          dataDir: plan.addressDir,
          ranges: plan.podCIDRs.map((subnet) => [{ subnet }]),
          routes: plan.podCIDRs.map((subnet) => ({ dst: subnet.includes(":") ? "::/0" : "0.0.0.0/0" })),
        },
      },
      ...(plan.bandwidth ? [{ type: "bandwidth", capabilities: { bandwidth: true } }] : []),
    ],
  };
}
