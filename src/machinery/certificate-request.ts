import { Fault } from "../lib/fault.ts";

/** What a PKCS#10 certificate request asks for, as far as anybody decides by it. */
export interface RequestedCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** What else the subject says, which nobody decides by. */
  readonly subject: {
    readonly serialNumber: string;
    readonly organizationalUnits: readonly string[];
    readonly countries: readonly string[];
    readonly localities: readonly string[];
    readonly provinces: readonly string[];
    readonly streets: readonly string[];
    readonly postalCodes: readonly string[];
  };
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
  /** As text: `10.0.0.1`, or the eight groups of IPv6. */
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

const commonNameId = "550403";
const organizationId = "55040a";
const extensionRequestId = "2a864886f70d01090e";
const alternativeNamesId = "551d11";
const sequence = 0x30;
const attributesTag = 0xa0;
const utf16 = 0x1e;

/** Reads the PEM text of a request; its signature is not looked at. Throws Fault `invalid`. */
export function parseCertificateRequest(pem: string): RequestedCertificate {
  const [, body] = /-----BEGIN CERTIFICATE REQUEST-----([^-]+)-----END CERTIFICATE REQUEST-----/.exec(pem) ?? [];
  if (!body) throw new Fault("invalid", "PEM block type must be CERTIFICATE REQUEST");
  const [request] = elements(Buffer.from(body, "base64"));
  const [about] = inside(request);
  const [, subject, , ...rest] = inside(about);
  const attributes = rest.find(({ tag }) => tag === attributesTag);
  const names = { dnsNames: [], emailAddresses: [], ipAddresses: [], uris: [], ...alternativeNames(attributes) };
  return {
    commonName: partsOf(subject, commonNameId).at(-1) ?? "",
    organizations: partsOf(subject, organizationId),
    subject: {
      serialNumber: partsOf(subject, "550405").at(-1) ?? "",
      organizationalUnits: partsOf(subject, "55040b"),
      countries: partsOf(subject, "550406"),
      localities: partsOf(subject, "550407"),
      provinces: partsOf(subject, "550408"),
      streets: partsOf(subject, "550409"),
      postalCodes: partsOf(subject, "550411"),
    },
    ...names,
  };
}

/** The PEM text out of a CertificateSigningRequest's `spec.request`, which is its base64. */
export function requestText(encoded: string | undefined): string {
  return Buffer.from(encoded ?? "", "base64").toString("latin1");
}

function elements(bytes: Buffer): readonly Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0;
    at += 2;
    if (length & 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 4 || at + count > bytes.length) throw malformed();
      length = bytes.readUIntBE(at, count);
      at += count;
    }
    if (at + length > bytes.length) throw malformed();
    found.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}

function inside(element: Element | undefined): readonly Element[] {
  if (!element) throw malformed();
  return elements(element.content);
}

const malformed = () => new Fault("invalid", "asn1: the certificate request is malformed");

/** The values of one attribute type of a distinguished name, in order. */
function partsOf(name: Element | undefined, id: string): readonly string[] {
  return inside(name)
    .flatMap(inside)
    .flatMap((attribute) => {
      const [type, value] = inside(attribute);
      return type && value && type.content.toString("hex") === id ? [textOf(value)] : [];
    });
}

function textOf({ tag, content }: Element): string {
  return tag === utf16 ? Buffer.from(content).swap16().toString("utf16le") : content.toString("utf8");
}

function alternativeNames(attributes: Element | undefined): Partial<RequestedCertificate> {
  if (!attributes) return {};
  for (const attribute of elements(attributes.content)) {
    const [type, values] = inside(attribute);
    if (type?.content.toString("hex") !== extensionRequestId) continue;
    for (const extension of inside(inside(values)[0])) {
      const parts = inside(extension);
      if (parts[0]?.content.toString("hex") !== alternativeNamesId) continue;
      const [list] = inside(parts.at(-1)); // the octets of the value, after a flag that may be there
      if (list?.tag !== sequence) throw malformed();
      return namesIn(elements(list.content));
    }
  }
  return {};
}

function namesIn(list: readonly Element[]): Partial<RequestedCertificate> {
  const texts = (tag: number) => list.filter((one) => one.tag === tag).map(({ content }) => content.toString("latin1"));
  return {
    emailAddresses: texts(0x81),
    dnsNames: texts(0x82),
    uris: texts(0x86),
    ipAddresses: list.filter(({ tag }) => tag === 0x87).map(({ content }) => addressText(content)),
  };
}

function addressText(content: Buffer): string {
  if (content.length === 4) return [...content].join(".");
  if (content.length !== 16) throw malformed();
  return Array.from({ length: 8 }, (_, group) => content.readUInt16BE(group * 2).toString(16)).join(":");
}
