// The X.509 library wants it loaded before itself.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { Clock } from "../../lib/clock.ts";
import type { CertificateText } from "./engine.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const yearMs = 365 * 86_400_000;

/** What is shown where no Secret has a certificate: signed by nobody else, so that clients can tell. */
export async function makeDefaultCertificate(clock: Clock): Promise<CertificateText> {
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "O=Navarch, CN=Navarch Ingress Default Certificate",
    notBefore: new Date(clock.now() - 3_600_000),
    notAfter: new Date(clock.now() + yearMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "ingress.local" }]),
    ],
  });
  const der = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { cert: certificate.toString("pem"), key: x509.PemConverter.encode(der, "PRIVATE KEY") };
}
