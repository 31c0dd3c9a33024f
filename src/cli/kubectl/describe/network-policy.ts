import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from "../../../api/generated/networking-v1.ts";
import { defineDescriber } from "./describer.ts";
import { marks, nameRows, selectorText } from "./metadata.ts";
import { indent, plainTimeText, row, type Text } from "./text.ts";

/** `kubectl describe networkpolicy` */
export const networkPolicy = defineDescriber<NetworkPolicy>(
  "v1",
  (policy) => [
    nameRows(policy),
    row("Created on", plainTimeText(policy.metadata.creationTimestamp)),
    marks(policy),
    "Spec:",
    indent(1, specText(policy.spec ?? {})),
  ],
  false,
);

function specText({ podSelector, policyTypes = [], ingress = [], egress = [] }: Partial<NetworkPolicySpec>): Text {
  const selected = selectorText(podSelector ?? {});
  const everywhere = "<none> (Allowing the specific traffic to all pods in this namespace)";
  return [
    `PodSelector:     ${selected === "<none>" ? everywhere : selected}`,
    policyTypes.includes("Ingress")
      ? [
          "Allowing ingress traffic:",
          indent(
            1,
            rulesText(
              ingress.map(({ ports, from }) => ({ ports, peers: from })),
              "From",
              "ingress",
              "source",
            ),
          ),
        ]
      : "Not affecting ingress traffic",
    policyTypes.includes("Egress")
      ? [
          "Allowing egress traffic:",
          indent(
            1,
            rulesText(
              egress.map(({ ports, to }) => ({ ports, peers: to })),
              "To",
              "egress",
              "destination",
            ),
          ),
        ]
      : "Not affecting egress traffic",
    `Policy Types: ${policyTypes.join(", ") || "<none>"}`,
  ];
}

interface Rule {
  readonly ports?: readonly NetworkPolicyPort[];
  readonly peers?: readonly NetworkPolicyPeer[];
}

function rulesText(rules: readonly Rule[], word: "From" | "To", direction: string, end: string): Text {
  if (rules.length === 0) return `<none> (Selected pods are isolated for ${direction} connectivity)`;
  return rules.map(({ ports = [], peers = [] }, at) => [
    ports.length > 0 ? ports.map(portText) : "To Port: <any> (traffic allowed to all ports)",
    peers.length > 0
      ? peers.map((peer) => [`${word}:`, indent(1, peerText(peer))])
      : `${word}: <any> (traffic not restricted by ${end})`,
    at < rules.length - 1 && "----------",
  ]);
}

function portText({ port, endPort, protocol = "TCP" }: NetworkPolicyPort): string {
  const first = port ?? "<nil>";
  return endPort === undefined ? `To Port: ${first}/${protocol}` : `To Port Range: ${first}-${endPort}/${protocol}`;
}

function peerText({ namespaceSelector, podSelector, ipBlock }: NetworkPolicyPeer): Text {
  if (namespaceSelector || podSelector) {
    return [
      namespaceSelector && `NamespaceSelector: ${selectorText(namespaceSelector)}`,
      podSelector && `PodSelector: ${selectorText(podSelector)}`,
    ];
  }
  return ipBlock && ["IPBlock:", indent(1, `CIDR: ${ipBlock.cidr}`, `Except: ${(ipBlock.except ?? []).join(", ")}`)];
}
