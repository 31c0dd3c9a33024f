import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { dirname, join } from "node:path";
import type { CertificateSigner } from "../controllers/certificates/signer.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";

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
  /** What ends sooner than this, in ms, is made anew. Default 30 days. */
  readonly renewWithin?: number;
}

// Making certificates takes a library as large as the rest of the program, and most starts only read what is there.
const issuing = () => import("./certificate-issuing.ts");

/** Makes a new authority, good for ten years. */
export async function createAuthority(commonName: string, tools: CertificateTools): Promise<KeyPair> {
  return (await issuing()).makeAuthority(commonName, tools);
}

/** Uses an authority's key pair to issue certificates, each good for a year unless asked otherwise. */
export function openAuthority(pair: KeyPair, tools: CertificateTools): CertificateAuthority {
  return {
    cert: pair.cert,
    issue: async (request) => (await issuing()).issueCertificate(pair, request, tools),
  };
}

/** Makes a key, and the request (PEM) for a certificate of it. */
export async function makeRequest(
  request: CertificateRequest,
): Promise<{ readonly pem: string; readonly key: string }> {
  return (await issuing()).makeSigningRequest(request);
}

/** Signs certificate requests under an authority, for the cluster's signing controller. */
export function openSigner(pair: KeyPair, tools: CertificateTools): CertificateSigner {
  return { sign: async (request, terms) => (await issuing()).signRequest(pair, request, terms, tools) };
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

  /** The names of all certificates, sorted. */
  names(): readonly string[] {
    if (!existsSync(this.path)) return [];
    const found = readdirSync(this.path).filter((file) => file.endsWith(".crt"));
    return found.map((file) => file.slice(0, -".crt".length)).sort();
  }

  /** Whether every certificate belongs to its key: while somebody writes, for a moment one does not. */
  get whole(): boolean {
    return this.names().every((name) => {
      const pair = this.read(name);
      return pair !== undefined && belongTogether(pair);
    });
  }

  /** What stands there, if it is good for long enough and names all that is asked for; else a new one. */
  async ensure(
    name: string,
    authority: CertificateAuthority,
    request: CertificateRequest,
    { clock, renewWithin = 30 * dayMs }: CertificateTools,
  ): Promise<KeyPair> {
    const known = this.read(name);
    if (known && stillGood(known, authority.cert, request, clock.now() + renewWithin)) return known;
    const issued = await authority.issue(request);
    this.write(name, issued);
    return issued;
  }
}

function belongTogether({ cert, key }: KeyPair): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
}

function stillGood(pair: KeyPair, issuer: string, request: CertificateRequest, until: number): boolean {
  if (!belongTogether(pair)) return false; // a renewal that was cut short
  const certificate = new X509Certificate(pair.cert);
  if (certificate.validToDate.getTime() < until) return false;
  if (!certificate.checkIssued(new X509Certificate(issuer))) return false;
  return (request.names ?? []).every(
    (name) =>
      (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name, { subject: "never" })) !== undefined,
  );
}
