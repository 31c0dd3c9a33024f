import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { errorMessage } from "../../lib/fault.ts";
import type { CertificateText } from "./engine.ts";
import type { TlsSecretInput } from "./ingress-input.ts";

/** The certificate of a Secret, or what is wrong with it. */
export type TlsSecretResult = { readonly certificate: CertificateText } | { readonly trouble: string };

/** Reads `tls.crt` and `tls.key`, and looks whether they can be used together. */
export function readTlsSecret({ data }: TlsSecretInput): TlsSecretResult {
  const [cert, key] = ["tls.crt", "tls.key"].map((name) =>
    Buffer.from(data?.[name] ?? "", "base64").toString("latin1"),
  );
  if (!cert || !key) return { trouble: `it has no ${cert ? "tls.key" : "tls.crt"}` };
  try {
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      return { trouble: "its tls.key does not belong to its tls.crt" };
    }
    createSecureContext({ cert, key });
    return { certificate: { cert, key } };
  } catch (error) {
    return { trouble: errorMessage(error) };
  }
}
