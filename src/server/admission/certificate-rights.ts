import type { CertificateSigningRequest } from "../../api/certificates/certificate-signing-request.ts";
import type { ClusterTrustBundle } from "../../api/certificates/cluster-trust-bundle.ts";
import { errorMessage } from "../../lib/fault.ts";
import { parseCertificateRequest, requestText } from "../../machinery/certificate-request.ts";
import { isEqual } from "../../machinery/equality.ts";
import { forbidden } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { AuthorizerChain } from "../authorization/authorizer.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";

const group = "certificates.k8s.io";
const plural = "certificatesigningrequests";

const about = (request: Pick<AdmissionRequest, "group" | "resource">) =>
  request.group === group && request.resource === plural;
const asRequest = (object: AnyObject) => object as AnyObject as unknown as CertificateSigningRequest;

function refuse(object: AnyObject, why: string): never {
  throw forbidden({ group, plural }, object.metadata.name ?? "", why);
}

/** Whether a user may `verb` for a signer, by its name or by all of its domain. */
async function mayFor(
  authorizer: AuthorizerChain,
  { user }: AdmissionRequest,
  verb: "approve" | "attest" | "sign",
  signer: string,
): Promise<boolean> {
  for (const name of [signer, `${signer.split("/")[0]}/*`]) {
    const question = { user, verb, group, resource: "signers", name, isResource: true };
    const decision = await authorizer.decide({ ...question, version: "*", subresource: "", namespace: "", path: "" });
    if (decision.allowed) return true;
  }
  return false;
}

/** Only who may approve for a signer approves or denies requests to it. */
export function certificateApproval(authorizer: AuthorizerChain): AdmissionPlugin {
  return {
    name: "CertificateApproval",
    handles: (request) => about(request) && request.operation === "UPDATE" && request.subresource === "approval",
    async validate(object, previous, request) {
      if (!object || !previous) return;
      const signer = asRequest(previous).spec.signerName ?? "";
      if (await mayFor(authorizer, request, "approve", signer)) return;
      refuse(object, `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`);
    },
  };
}

/** Only who may sign for a signer puts certificates and conditions into requests to it. */
export function certificateSigning(authorizer: AuthorizerChain): AdmissionPlugin {
  return {
    name: "CertificateSigning",
    handles: (request) => about(request) && request.operation === "UPDATE" && request.subresource === "status",
    async validate(object, previous, request) {
      if (!object || !previous) return;
      const [next, before] = [asRequest(object), asRequest(previous)];
      const same =
        next.status?.certificate === before.status?.certificate &&
        isEqual(next.status?.conditions ?? [], before.status?.conditions ?? []);
      const signer = before.spec.signerName ?? "";
      if (same || (await mayFor(authorizer, request, "sign", signer))) return;
      refuse(object, `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`);
    },
  };
}

/** Only who may attest for a signer writes bundles of its authorities. */
export function clusterTrustBundleAttest(authorizer: AuthorizerChain): AdmissionPlugin {
  const resource = "clustertrustbundles";
  return {
    name: "ClusterTrustBundleAttest",
    handles: (request) => request.group === group && request.resource === resource && request.operation !== "DELETE",
    async validate(object, previous, request) {
      const { signerName = "" } = (object as AnyObject as unknown as ClusterTrustBundle | undefined)?.spec ?? {};
      if (!object || signerName === "" || (previous && isSameBut(object, previous))) return;
      if (await mayFor(authorizer, request, "attest", signerName)) return;
      const why = `user not permitted to attest for signerName ${JSON.stringify(signerName)}`;
      throw forbidden({ group, plural: resource }, object.metadata.name ?? "", why);
    },
  };
}

/** Garbage collection and migrations of the store touch every object, and change nothing of what it says. */
function isSameBut(next: AnyObject, before: AnyObject): boolean {
  const { finalizers, ownerReferences, managedFields } = before.metadata;
  return isEqual({ ...next, metadata: { ...next.metadata, finalizers, ownerReferences, managedFields } }, before);
}

const masters = "system:masters";

/** No client certificate makes its owner a member of system:masters. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: "CertificateSubjectRestriction",
  handles: (request) => about(request) && request.operation === "CREATE" && request.subresource === "",
  validate(object) {
    const signer = "kubernetes.io/kube-apiserver-client";
    if (!object || asRequest(object).spec.signerName !== signer) return;
    let organizations: readonly string[];
    try {
      organizations = parseCertificateRequest(requestText(asRequest(object).spec.request)).organizations;
    } catch (error) {
      refuse(object, `could not parse CSR: ${errorMessage(error)}`);
    }
    if (organizations.includes(masters)) {
      refuse(object, `use of ${signer} signer with ${masters} group is not allowed`);
    }
  },
};
