import { SubjectAccessReview } from "../../api/authorization/subject-access-review.ts";
import { CertificateSigningRequest } from "../../api/certificates/certificate-signing-request.ts";
import { parseCertificateRequest, requestText } from "../../machinery/certificate-request.ts";
import { defineController, done } from "../framework/controller.ts";
import { certificateAccount, withCondition } from "./requests.ts";
import { signers } from "./signer.ts";
import { kubeletClientFault } from "./signer-rules.ts";

/** What a node asks its client certificate by, the narrower first, as rights name it. */
const recognized = [
  {
    subresource: "selfnodeclient",
    message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
    fits: (asker: string, commonName: string) => asker === commonName,
  },
  {
    subresource: "nodeclient",
    message: "Auto approving kubelet client certificate after SubjectAccessReview.",
    fits: () => true,
  },
] as const;

/** Approves nodes' requests for client certificates of whoever has the right to them. */
export const certificateApprovingController = defineController({
  name: "certificatesigningrequest-approving",
  serviceAccount: certificateAccount,
  for: CertificateSigningRequest,
  workers: 5,
  async reconcile(key, { cache, client, clock }) {
    const request = cache.get(CertificateSigningRequest, key);
    if (!request || request.status?.certificate) return done;
    if (request.status?.conditions?.some(({ type }) => type === "Approved" || type === "Denied")) return done;
    const { spec } = request;
    if (spec.signerName !== signers.kubeletClient) return done;
    let commonName: string;
    try {
      const asked = parseCertificateRequest(requestText(spec.request));
      if (kubeletClientFault(asked, spec.usages ?? [])) return done;
      commonName = asked.commonName;
    } catch {
      return done; // a request that cannot be read is for people to judge
    }
    const { username: user = "", groups, uid, extra } = spec;
    for (const { subresource, message, fits } of recognized) {
      if (!fits(user, commonName)) continue;
      const resourceAttributes = {
        group: "certificates.k8s.io",
        resource: "certificatesigningrequests",
        verb: "create",
        version: "*",
        subresource,
      };
      const asker = { user, ...(groups ? { groups } : {}), ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) };
      const review = await client.create(SubjectAccessReview, { metadata: {}, spec: { ...asker, resourceAttributes } });
      if (!review.status?.allowed) continue;
      const approved = withCondition(request, { type: "Approved", reason: "AutoApproved", message }, clock.now());
      await client.updateSubresource(CertificateSigningRequest, key, "approval", approved);
      return done;
    }
    return done;
  },
});
