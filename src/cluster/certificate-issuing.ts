// The X.509 library wants it loaded before itself.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { CertificateTerms } from "../controllers/certificates/signer.ts";
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

/** Makes a key, and a request (PEM) that proves it. */
export async function makeSigningRequest(request: CertificateRequest): Promise<{ pem: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: nameOf(request.commonName, request.organizations ?? []),
    keys,
    signingAlgorithm: algorithm,
    extensions: request.names?.length ? [new x509.SubjectAlternativeNameExtension(request.names.map(alternative))] : [],
  });
  return { pem: made.toString("pem"), key: await privatePem(keys.privateKey) };
}

/** How far back a signed certificate reaches, for clocks that are behind (as upstream). */
const backdate = 300_000;
const leastSeconds = 600;
const mostSeconds = 365 * 86_400;

const keyUsages: Readonly<Record<string, x509.KeyUsageFlags>> = {
  signing: x509.KeyUsageFlags.digitalSignature,
  "digital signature": x509.KeyUsageFlags.digitalSignature,
  "content commitment": x509.KeyUsageFlags.nonRepudiation,
  "key encipherment": x509.KeyUsageFlags.keyEncipherment,
  "key agreement": x509.KeyUsageFlags.keyAgreement,
  "data encipherment": x509.KeyUsageFlags.dataEncipherment,
  "cert sign": x509.KeyUsageFlags.keyCertSign,
  "crl sign": x509.KeyUsageFlags.cRLSign,
  "encipher only": x509.KeyUsageFlags.encipherOnly,
  "decipher only": x509.KeyUsageFlags.decipherOnly,
};

const extendedUsages: Readonly<Record<string, string>> = {
  any: "2.5.29.37.0",
  "server auth": "1.3.6.1.5.5.7.3.1",
  "client auth": "1.3.6.1.5.5.7.3.2",
  "code signing": "1.3.6.1.5.5.7.3.3",
  "email protection": "1.3.6.1.5.5.7.3.4",
  "s/mime": "1.3.6.1.5.5.7.3.4",
  "ipsec end system": "1.3.6.1.5.5.7.3.5",
  "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
  "ipsec user": "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  "ocsp signing": "1.3.6.1.5.5.7.3.9",
  "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
  "netscape sgc": "2.16.840.1.113730.4.1",
};

/** Signs a request (PEM): its subject, key and names, and nothing else of it. Throws Fault `invalid` for a forged one. */
export async function signRequest(
  authority: KeyPair,
  pem: string,
  { usages, seconds = mostSeconds }: CertificateTerms,
  tools: CertificateTools,
): Promise<string> {
  let request: x509.Pkcs10CertificateRequest;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
  } catch (error) {
    throw new Fault("invalid", "unable to parse csr", { cause: error });
  }
  if (!(await request.verify())) throw new Fault("invalid", "unable to verify certificate request signature");
  const issuer = new x509.X509Certificate(authority.cert);
  const signingKey = await webcrypto.subtle.importKey("pkcs8", derOf(authority.key), algorithm, false, ["sign"]);
  const now = tools.clock.now();
  const lasting = Math.min(Math.max(seconds, leastSeconds), mostSeconds) * 1000;
  const names = request.getExtension("2.5.29.17");
  const flags = usages.reduce((all, usage) => all | (keyUsages[usage] ?? 0), 0);
  const extended = usages.flatMap((usage) => extendedUsages[usage] ?? []);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(tools.random),
    subject: request.subjectName,
    issuer: issuer.subjectName,
    notBefore: new Date(now - backdate),
    notAfter: new Date(Math.min(now + lasting, issuer.notAfter.getTime())),
    signingAlgorithm: algorithm,
    publicKey: request.publicKey,
    signingKey: signingKey as CryptoKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...(flags ? [new x509.KeyUsagesExtension(flags, true)] : []),
      ...(extended.length > 0 ? [new x509.ExtendedKeyUsageExtension(extended)] : []),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names ? [names] : []),
    ],
  });
  return certificate.toString("pem");
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
