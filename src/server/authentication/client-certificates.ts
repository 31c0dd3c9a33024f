import { X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { errorMessage, Fault } from "../../lib/fault.ts";
import type { UserInfo } from "../exchange.ts";

const clientAuth = "1.3.6.1.5.5.7.3.2";
const anyUsage = "2.5.29.37.0";
const longestChain = 8;

const unknownAuthority = "x509: certificate signed by unknown authority";
const wrongUsage = "x509: certificate specifies an incompatible key usage";

type Chain = readonly X509Certificate[];

/**
 * What does not change about a certificate, read once, as each look at it goes through the library of OpenSSL; the times
 * are those in which its whole chain is valid.
 */
interface Judgement {
  readonly fault: string | undefined;
  readonly from: number;
  readonly until: number;
}

/** Authorities, and which certificates descend from them. */
export class CertificateRoots {
  readonly pem: readonly string[];
  readonly #roots: Chain;
  readonly #judged = new WeakMap<X509Certificate, Judgement>();

  /** PEM texts of one or more certificates each. Throws Fault `invalid`. */
  constructor(pem: readonly string[]) {
    this.pem = pem;
    try {
      const blocks = pem.flatMap(
        (text) => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [],
      );
      this.#roots = blocks.map((block) => new X509Certificate(block));
    } catch (error) {
      throw new Fault("invalid", `an authority's certificate is no PEM text: ${errorMessage(error)}`);
    }
  }

  /**
   * Why a client's certificate is not believed, in upstream's words; undefined when it is. Dates count at every question:
   * a connection may outlive the certificate that it showed.
   */
  fault(shown: X509Certificate, now: number): string | undefined {
    const { fault, from, until } = this.#judge(shown);
    if (fault || (now >= from && now <= until)) return fault;
    const when = `x509: certificate has expired or is not yet valid: current time ${moment(now)} is`;
    return now < from ? `${when} before ${moment(from)}` : `${when} after ${moment(until)}`;
  }

  // A connection shows its certificate once and asks many things: only the dates are compared anew.
  #judge(shown: X509Certificate): Judgement {
    const known = this.#judged.get(shown);
    if (known) return known;
    const chain = this.#build(shown);
    const usages = (shown.keyUsage ?? []) as readonly string[];
    const fits = usages.length === 0 || usages.includes(clientAuth) || usages.includes(anyUsage);
    const fault = chain ? (fits ? undefined : wrongUsage) : unknownAuthority;
    const dates = chain || [shown];
    const judgement = {
      fault,
      from: Math.max(...dates.map(({ validFromDate }) => validFromDate.getTime())),
      until: Math.min(...dates.map(({ validToDate }) => validToDate.getTime())),
    };
    this.#judged.set(shown, judgement);
    return judgement;
  }

  #build(shown: X509Certificate): Chain | false {
    const chain: X509Certificate[] = [];
    let current: X509Certificate | undefined = shown;
    while (current && chain.length < longestChain) {
      const here: X509Certificate = current;
      chain.push(here);
      if (this.#roots.some((root) => root.raw.equals(here.raw))) return chain;
      const root = this.#roots.find((one) => issued(one, here));
      if (root) return [...chain, root];
      const next: X509Certificate | undefined = here.issuerCertificate;
      current = next?.ca && issued(next, here) ? next : undefined;
    }
    return false;
  }
}

function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

const moment = (time: number) => new Date(time).toISOString().replace(/\.\d+Z$/, "Z");

const users = new WeakMap<X509Certificate, UserInfo | false>();

/** The user that a client certificate names: the common name, with the organizations as groups. */
export function certificateUser(certificate: X509Certificate): UserInfo | undefined {
  const known = users.get(certificate) ?? readUser(certificate) ?? false;
  users.set(certificate, known);
  return known || undefined;
}

function readUser(certificate: X509Certificate): UserInfo | undefined {
  const name = commonName(certificate);
  if (!name) return undefined;
  const { O: organizations = [] } = subjectOf(certificate);
  const hash = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  return {
    name,
    groups: [organizations].flat(),
    extra: { "authentication.kubernetes.io/credential-id": [`X509SHA256=${hash}`] },
  };
}

type Subject = Readonly<Record<string, string | readonly string[]>>;
const subjectOf = (certificate: X509Certificate) => certificate.toLegacyObject().subject as unknown as Subject;
const commonName = (certificate: X509Certificate): string => [subjectOf(certificate).CN ?? ""].flat()[0] ?? "";

/** A proxy in front of the server that has found out who is asking, as `--requestheader-*`. */
export interface FrontProxyOptions {
  /** PEM of the authority of its client certificate. */
  readonly clientCa: string;
  /** Common names that are believed; empty means any. */
  readonly allowedNames?: readonly string[];
  readonly usernameHeaders?: readonly string[];
  readonly uidHeaders?: readonly string[];
  readonly groupHeaders?: readonly string[];
  readonly extraHeaderPrefixes?: readonly string[];
}

/** What upstream suggests, and what the server itself sends to servers behind it. */
export const frontProxyHeaders = {
  usernameHeaders: ["X-Remote-User"],
  uidHeaders: ["X-Remote-Uid"],
  groupHeaders: ["X-Remote-Group"],
  extraHeaderPrefixes: ["X-Remote-Extra-"],
} as const;

/** Believes the headers of a proxy that shows the right certificate. */
export class FrontProxy {
  readonly roots: CertificateRoots;
  readonly #options: FrontProxyOptions & typeof frontProxyHeaders;

  constructor(options: FrontProxyOptions) {
    this.roots = new CertificateRoots([options.clientCa]);
    this.#options = { ...frontProxyHeaders, ...options } as FrontProxyOptions & typeof frontProxyHeaders;
  }

  /** The user that the proxy names; a text says why it is not believed, undefined that it names nobody. */
  user(shown: X509Certificate, headers: IncomingHttpHeaders, now: number): UserInfo | string | undefined {
    const { allowedNames = [], usernameHeaders, uidHeaders, groupHeaders, extraHeaderPrefixes } = this.#options;
    const fault = this.roots.fault(shown, now);
    if (fault) return fault;
    const proxy = commonName(shown);
    if (allowedNames.length > 0 && !allowedNames.includes(proxy)) {
      return `x509: subject with cn=${proxy} is not in the allowed list`;
    }
    const name = first(headers, usernameHeaders);
    if (!name) return undefined;
    const uid = first(headers, uidHeaders);
    const groups = groupHeaders.flatMap((header) => headerValues(headers[header.toLowerCase()]));
    const extra: Record<string, readonly string[]> = {};
    for (const prefix of extraHeaderPrefixes) {
      Object.assign(extra, extraOf(headers, prefix.toLowerCase()));
    }
    return {
      name,
      groups,
      ...(uid ? { uid } : {}),
      ...(Object.keys(extra).length > 0 ? { extra } : {}),
    };
  }
}

function first(headers: IncomingHttpHeaders, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = [headers[name.toLowerCase()] ?? ""].flat()[0];
    if (value) return value;
  }
  return undefined;
}

/** The values of a header that may be repeated. node joins them with ", ", which no value may therefore hold. */
export function headerValues(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : [value].flat().flatMap((text) => text.split(", "));
}

/** A user's extra attributes out of headers such as `x-remote-extra-scopes`; keys are percent-encoded. */
export function extraOf(headers: IncomingHttpHeaders, prefix: string): Record<string, readonly string[]> {
  const extra: Record<string, readonly string[]> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith(prefix)) extra[decodeKey(header.slice(prefix.length))] = headerValues(value);
  }
  return extra;
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
