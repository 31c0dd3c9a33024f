import { CertificateSigningRequest } from "../api/certificates/certificate-signing-request.ts";
import type { Client } from "../client/client.ts";
import { Fault } from "../lib/fault.ts";
import { nameSuffix } from "../lib/random.ts";
import { type CertificateRequest, type CertificateTools, type KeyPair, makeRequest } from "./certificates.ts";

export interface RequestOptions {
  readonly signerName: string;
  readonly request: CertificateRequest;
  /** How long somebody may take to approve it, in ms. */
  readonly patience: number;
  readonly signal?: AbortSignal;
}

const lookEvery = 500;

/**
 * Asks the cluster for a certificate and waits until it is approved and signed; the key never leaves this process.
 * Throws Fault `conflict` when it was denied or has failed, `timeout` when nobody decided.
 */
export async function requestCertificate(
  client: Client,
  { signerName, request, patience, signal }: RequestOptions,
  tools: CertificateTools,
): Promise<KeyPair> {
  const { clock, random } = tools;
  const { pem, key } = await makeRequest(request);
  const purpose = request.usage === "server" ? "server auth" : "client auth";
  const name = `csr-${nameSuffix(random)}`;
  await client.create(CertificateSigningRequest, {
    metadata: { name },
    spec: {
      request: Buffer.from(pem).toString("base64"),
      signerName,
      usages: ["digital signature", purpose],
      ...(request.days === undefined ? {} : { expirationSeconds: request.days * 86_400 }),
    },
  });
  const deadline = clock.monotonic() + patience;
  for (;;) {
    const { status } = await client.get(CertificateSigningRequest, { name });
    const refused = status?.conditions?.find(({ type }) => type === "Denied" || type === "Failed");
    if (refused) {
      throw new Fault(
        "conflict",
        `certificate request ${name}: ${refused.type}: ${refused.message ?? refused.reason ?? ""}`,
      );
    }
    if (status?.certificate) return { cert: Buffer.from(status.certificate, "base64").toString(), key };
    if (clock.monotonic() >= deadline)
      throw new Fault("timeout", `nobody has decided about certificate request ${name}`);
    await clock.sleep(lookEvery, signal);
  }
}
