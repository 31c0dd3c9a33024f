import { CertificateSigningRequest } from "../api/certificates/certificate-signing-request.ts";
import { Node } from "../api/core/node.ts";
import { withCondition } from "../controllers/certificates/requests.ts";
import { signers } from "../controllers/certificates/signer.ts";
import { signerFault } from "../controllers/certificates/signer-rules.ts";
import { defineController, done } from "../controllers/framework/controller.ts";
import { parseCertificateRequest, requestText } from "../machinery/certificate-request.ts";
import { cidrContains, parseCidr } from "../network/machine/address.ts";

/** The service account of the approver, in kube-system. */
export const servingApprover = "kubelet-serving-approver";

/** Ranges and addresses that no joining node may answer under: loopback, the API server's, those of services and pods. */
export type ReservedRanges = readonly string[];

interface Asked {
  readonly request: CertificateSigningRequest;
  readonly reserved: ReservedRanges;
  readonly nodes: readonly Node[];
}

/**
 * Approves the certificates of nodes' servers, which upstream leaves to others: for the node that asks, under its own name
 * and addresses that are nobody else's. What does not fit is left for people to judge.
 */
export function servingApprovalController(reserved: ReservedRanges) {
  return defineController({
    name: "kubelet-serving-approver",
    serviceAccount: servingApprover,
    for: CertificateSigningRequest,
    reads: [Node],
    workers: 1,
    async reconcile(key, { cache, client, clock }) {
      const request = cache.get(CertificateSigningRequest, key);
      if (!request || request.spec.signerName !== signers.kubeletServing || request.status?.certificate) return done;
      if (request.status?.conditions?.some(({ type }) => type === "Approved" || type === "Denied")) return done;
      if (!isOwnServing({ request, reserved, nodes: cache.list(Node) })) return done;
      const message = "The node asks for its own name and addresses.";
      const approved = withCondition(request, { type: "Approved", reason: "AutoApproved", message }, clock.now());
      await client.updateSubresource(CertificateSigningRequest, key, "approval", approved);
      return done;
    },
  });
}

/** Whether a node asks for nothing but what is its own. */
export function isOwnServing({ request, reserved, nodes }: Asked): boolean {
  const { username = "", groups = [], usages = [] } = request.spec;
  let asked: ReturnType<typeof parseCertificateRequest>;
  try {
    asked = parseCertificateRequest(requestText(request.spec.request));
  } catch {
    return false;
  }
  if (signerFault(signers.kubeletServing, asked, usages)) return false;
  if (asked.commonName !== username || !groups.includes("system:nodes")) return false;
  const name = username.slice("system:node:".length);
  if (asked.dnsNames.some((other) => other !== name)) return false;
  const others = nodes.filter(({ metadata }) => metadata.name !== name);
  const taken = others.flatMap(
    ({ status }) => status?.addresses?.flatMap(({ address }) => parseCidr(address) ?? []) ?? [],
  );
  return asked.ipAddresses.every((address) => {
    const cidr = parseCidr(address);
    if (!cidr || taken.some((other) => cidrContains(other, cidr))) return false;
    return !reserved.some((range) => {
      const outer = parseCidr(range);
      return outer !== undefined && cidrContains(outer, cidr);
    });
  });
}
