import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { errorMessage } from "../../lib/fault.ts";
import type { Authority, CertificateText } from "./engine.ts";
import type { TlsSecretInput } from "./ingress-input.ts";

/** What a Secret holds, or what is wrong with it. */
export type SecretResult<T> = { readonly value: T } | { readonly trouble: string };

/** Reads `tls.crt` and `tls.key`, and looks whether they can be used together. */
export function readTlsSecret({ data }: TlsSecretInput): SecretResult<CertificateText> {
  const [cert, key] = ["tls.crt", "tls.key"].map((name) =>
    Buffer.from(data?.[name] ?? "", "base64").toString("latin1"),
  );
  if (!cert || !key) return { trouble: `it has no ${cert ? "tls.key" : "tls.crt"}` };
  try {
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      return { trouble: "its tls.key does not belong to its tls.crt" };
    }
    createSecureContext({ cert, key });
    return { value: { cert, key } };
  } catch (error) {
    return { trouble: errorMessage(error) };
  }
}

/** Reads `ca.crt`, which others are verified by. */
export function readAuthority({ data }: TlsSecretInput): SecretResult<Authority> {
  const pem = Buffer.from(data?.["ca.crt"] ?? "", "base64").toString("latin1");
  if (!pem) return { trouble: "it has no ca.crt" };
  try {
    new X509Certificate(pem);
    createSecureContext({ ca: pem });
    return { value: { pem, id: createHash("sha256").update(pem).digest("hex") } };
  } catch (error) {
    return { trouble: errorMessage(error) };
  }
}
