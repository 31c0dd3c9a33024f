import { CertificateSigningRequest, hasRequestCondition } from "../../api/certificates/certificate-signing-request.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import { parseCertificateRequest, requestText } from "../../machinery/certificate-request.ts";
import { defineController, done } from "../framework/controller.ts";
import { certificateAccount, withCondition } from "./requests.ts";
import { type CertificateSigner, signers } from "./signer.ts";
import { signerFault } from "./signer-rules.ts";

const own: readonly string[] = Object.values(signers);

/** Signs approved requests to upstream's four signers; one that breaks its signer's rules has failed for good. */
export function certificateSigningController(signer: CertificateSigner) {
  return defineController({
    name: "certificatesigningrequest-signing",
    serviceAccount: certificateAccount,
    for: CertificateSigningRequest,
    workers: 5,
    async reconcile(key, { cache, client, clock }) {
      const request = cache.get(CertificateSigningRequest, key);
      if (!request || request.status?.certificate || !own.includes(request.spec.signerName)) return done;
      if (!hasRequestCondition(request, "Approved") || hasRequestCondition(request, "Denied")) return done;
      if (hasRequestCondition(request, "Failed")) return done;
      const { signerName, usages = [], expirationSeconds: seconds } = request.spec;
      const fail = (message: string) => {
        const condition = { type: "Failed", reason: "SignerValidationFailure", message } as const;
        return client.updateStatus(CertificateSigningRequest, withCondition(request, condition, clock.now()));
      };
      const pem = requestText(request.spec.request);
      let certificate: string;
      try {
        const fault = signerFault(signerName, parseCertificateRequest(pem), usages);
        if (fault) {
          await fail(fault);
          return done;
        }
        certificate = await signer.sign(pem, { usages, ...(seconds === undefined ? {} : { seconds }) });
      } catch (error) {
        if (faultCode(error) !== "invalid") throw error;
        await fail(errorMessage(error));
        return done;
      }
      const status = { ...request.status, certificate: Buffer.from(certificate).toString("base64") };
      await client.updateStatus(CertificateSigningRequest, { ...request, status });
      return done;
    },
  });
}
