import { createSecureContext, type SecureContext } from "node:tls";
import type { CertificateText, EngineState } from "../engine.ts";
import { forHost } from "../routing-table.ts";

/** Forward secret and authenticated, nothing else: what HTTP/2 asks for (RFC 9113, 9.2.2). */
export const tlsTerms = {
  minVersion: "TLSv1.2",
  ciphers: [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
  ].join(":"),
  honorCipherOrder: true,
} as const;

/** Which certificate is shown for which server name. Contexts are kept from one state to the next while their texts are the same. */
export class ShownCertificates {
  readonly #usual: { readonly text: CertificateText; readonly context: SecureContext };
  #known = new Map<string, { readonly text: CertificateText; readonly context: SecureContext }>();
  #hosts: ReadonlyMap<string, string> = new Map();

  constructor(usual: CertificateText) {
    this.#usual = { text: usual, context: createSecureContext({ ...usual, ...tlsTerms }) };
  }

  use({ table, certificates }: EngineState): void {
    const next = new Map<string, { readonly text: CertificateText; readonly context: SecureContext }>();
    for (const [key, text] of certificates) {
      const known = this.#known.get(key);
      const same = known?.text.cert === text.cert && known.text.key === text.key;
      next.set(key, same ? known : { text, context: createSecureContext({ ...text, ...tlsTerms }) });
    }
    this.#known = next;
    this.#hosts = table.certificates;
  }

  contextFor(serverName: string): SecureContext {
    return this.#for(serverName.toLowerCase()).context;
  }

  /** For clients that name no server. */
  get unnamed(): CertificateText {
    return this.#for("*").text;
  }

  #for(host: string) {
    const secret = forHost(this.#hosts, host);
    return (secret === undefined ? undefined : this.#known.get(secret)) ?? this.#usual;
  }
}
