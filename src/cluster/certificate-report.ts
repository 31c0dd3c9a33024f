import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { errorMessage } from "../lib/fault.ts";
import type { ClusterConfig } from "./config.ts";
import { authorityNames, certificateFolder } from "./credentials.ts";

const dayMs = 86_400_000;
/** What ends sooner than this is told as ending; the cluster renews it by itself while it runs. */
const soon = 30 * dayMs;

/** One certificate of a cluster, as `navarch certs check` shows it. */
export interface CertificateReport {
  /** As the file is called, without its ending. */
  readonly name: string;
  readonly subject: string;
  readonly issuer: string;
  /** RFC 3339. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** Whole days until it ends; negative when it has. */
  readonly daysLeft: number;
  readonly authority: boolean;
  readonly state: "good" | "ending" | "ended" | "not yet valid" | "damaged";
  /** What is wrong with it, when it is damaged. */
  readonly fault?: string;
}

/** Every certificate in a cluster's folder, by name. Changes nothing. */
export function inspectCertificates(config: ClusterConfig, now: number): readonly CertificateReport[] {
  const folder = certificateFolder(config);
  return folder.names().map((name) => inspect(name, folder.certPath(name), folder.keyPath(name), now));
}

function inspect(name: string, certPath: string, keyPath: string, now: number): CertificateReport {
  const authority = authorityNames.includes(name);
  const none = { subject: "", issuer: "", notBefore: "", notAfter: "", daysLeft: 0 };
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(certPath));
  } catch (error) {
    return { name, ...none, authority, state: "damaged", fault: errorMessage(error) };
  }
  const [from, until] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  const about = {
    name,
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    notBefore: certificate.validFromDate.toISOString(),
    notAfter: certificate.validToDate.toISOString(),
    daysLeft: Math.floor((until - now) / dayMs),
    authority,
  };
  if (!existsSync(keyPath)) return { ...about, state: "damaged", fault: "its key is missing" };
  if (now > until) return { ...about, state: "ended" };
  if (now < from) return { ...about, state: "not yet valid" };
  return { ...about, state: until - now < soon ? "ending" : "good" };
}

const oneLine = (name: string) => name.split("\n").join(", ");
