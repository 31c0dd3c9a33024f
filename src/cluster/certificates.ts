// The X.509 library wants it loaded before itself.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as x509 from "@peculiar/x509";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Random } from "../lib/random.ts";

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;

/** PEM texts of a certificate and its key. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Who a certificate is for. For clients, `commonName` is the user and `organizations` are the groups. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly usage: "client" | "server" | "both";
  /** DNS names and IP addresses that a server answers under. */
  readonly names?: readonly string[];
  readonly days?: number;
}

/** Issues certificates under one authority. */
export interface CertificateAuthority {
  readonly cert: string;
  issue(request: CertificateRequest): Promise<KeyPair>;
}

export interface CertificateTools {
  readonly clock: Clock;
  readonly random: Random;
}

/** Makes a new authority, good for ten years. */
export async function createAuthority(commonName: string, tools: CertificateTools): Promise<KeyPair> {
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

/** Uses an authority's key pair to issue certificates, each good for a year unless asked otherwise. */
export async function openAuthority(pair: KeyPair, tools: CertificateTools): Promise<CertificateAuthority> {
  const issuer = new x509.X509Certificate(pair.cert);
  const signingKey = await webcrypto.subtle.importKey("pkcs8", derOf(pair.key), algorithm, false, ["sign"]);
  return {
    cert: pair.cert,
    async issue(request) {
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
    },
  };
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

/** Writes a file whole or not at all; readable by its owner only where it is secret. */
export function writeSafely(path: string, text: string, secret = false): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const temporary = `${path}.${process.pid}.new`;
  writeFileSync(temporary, text, { mode: secret ? 0o600 : 0o644, flush: true });
  chmodSync(temporary, secret ? 0o600 : 0o644);
  renameSync(temporary, path);
}

/** A folder of `NAME.crt` and `NAME.key` files. */
export class CertificateFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  certPath(name: string): string {
    return join(this.path, `${name}.crt`);
  }

  keyPath(name: string): string {
    return join(this.path, `${name}.key`);
  }

  read(name: string): KeyPair | undefined {
    if (!existsSync(this.certPath(name)) || !existsSync(this.keyPath(name))) return undefined;
    return { cert: readFileSync(this.certPath(name), "utf8"), key: readFileSync(this.keyPath(name), "utf8") };
  }

  write(name: string, pair: KeyPair): void {
    writeSafely(this.keyPath(name), pair.key, true);
    writeSafely(this.certPath(name), pair.cert);
  }

  /** What stands there, if it is good for another 30 days and names all that is asked for; else a new one. */
  async ensure(
    name: string,
    authority: CertificateAuthority,
    request: CertificateRequest,
    clock: Clock,
  ): Promise<KeyPair> {
    const known = this.read(name);
    if (known && stillGood(known.cert, authority.cert, request, clock.now())) return known;
    const issued = await authority.issue(request);
    this.write(name, issued);
    return issued;
  }
}

function stillGood(cert: string, issuer: string, request: CertificateRequest, now: number): boolean {
  const certificate = new x509.X509Certificate(cert);
  if (certificate.notAfter.getTime() < now + 30 * dayMs) return false;
  if (certificate.issuer !== new x509.X509Certificate(issuer).subject) return false;
  const known =
    certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items.map((item) => item.value) ?? [];
  return (request.names ?? []).every((name) => known.includes(name));
}
