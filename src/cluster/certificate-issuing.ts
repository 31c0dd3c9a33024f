// The X.509 library wants it loaded before itself.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { Fault } from "../lib/fault.ts";
import type { Random } from "../lib/random.ts";
import type { CertificateRequest, CertificateTools, KeyPair } from "./certificates.ts";

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;

/** Makes a new authority, good for ten years. */
export async function makeAuthority(commonName: string, tools: CertificateTools): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const now = tools.clock.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(tools.random),
    name: nameOf(commonName, []),
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + 3650 * dayMs),
    signingAlgorithm: algorithm,
    keys: keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as CryptoKey),
    ],
  });
  return { cert: certificate.toString("pem"), key: await privatePem(keys.privateKey) };
}

/** Issues a certificate under the authority, good for a year unless asked otherwise. */
export async function issueCertificate(
  authority: KeyPair,
  request: CertificateRequest,
  tools: CertificateTools,
): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.cert);
  const signingKey = await webcrypto.subtle.importKey("pkcs8", derOf(authority.key), algorithm, false, ["sign"]);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const now = tools.clock.now();
  const usages = [
    ...(request.usage !== "server" ? [x509.ExtendedKeyUsage.clientAuth] : []),
    ...(request.usage !== "client" ? [x509.ExtendedKeyUsage.serverAuth] : []),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(tools.random),
    subject: nameOf(request.commonName, request.organizations ?? []),
    issuer: issuer.subjectName,
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + (request.days ?? 365) * dayMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey as CryptoKey,
    signingKey: signingKey as CryptoKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(request.names?.length ? [new x509.SubjectAlternativeNameExtension(request.names.map(alternative))] : []),
    ],
  });
  return { cert: certificate.toString("pem"), key: await privatePem(keys.privateKey) };
}

const isAddress = (name: string) => /^[\d.]+$/.test(name) || name.includes(":");
const alternative = (value: string): { type: "ip" | "dns"; value: string } => ({
  type: isAddress(value) ? "ip" : "dns",
  value,
});

function nameOf(commonName: string, organizations: readonly string[]): x509.JsonName {
  return [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }];
}

function serial(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  // Positive and without a leading zero, as DER wants an integer.
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString("hex");
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  return x509.PemConverter.encode(der, "PRIVATE KEY");
}

function derOf(pem: string): ArrayBuffer {
  const der = x509.PemConverter.decode(pem)[0];
  if (!der) throw new Fault("corrupt", "the private key is no PEM text");
  return der;
}
