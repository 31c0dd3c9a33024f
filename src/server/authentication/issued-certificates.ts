import "reflect-metadata";
import { webcrypto, X509Certificate } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto as unknown as Crypto);
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export interface IssueOptions {
  readonly from?: Date;
  readonly until?: Date;
  /** Object identifier of what it is for. Default: client authentication. */
  readonly usage?: string;
}

/** An authority that issues certificates as a test wishes them, for tests. */
export interface TestAuthority {
  readonly pem: string;
  issue(subject: string, options?: IssueOptions): Promise<X509Certificate>;
}

/** Makes an authority that has long been valid. */
export async function testAuthority(subject: string): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const long = { notBefore: new Date("2020-01-01T00:00:00Z"), notAfter: new Date("2120-01-01T00:00:00Z") };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...long,
    name: subject,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    pem: root.toString("pem"),
    async issue(name, { from = long.notBefore, until = long.notAfter, usage = x509.ExtendedKeyUsage.clientAuth } = {}) {
      const own = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const issued = await x509.X509CertificateGenerator.create({
        subject: name,
        issuer: root.subjectName,
        notBefore: from,
        notAfter: until,
        publicKey: own.publicKey as CryptoKey,
        signingKey: keys.privateKey as CryptoKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.ExtendedKeyUsageExtension([usage]),
        ],
      });
      return new X509Certificate(issued.toString("pem"));
    },
  };
}
