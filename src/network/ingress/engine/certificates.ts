import { createSecureContext, type SecureContext } from "node:tls";
import { tlsTerms } from "../../../wire/tls-terms.ts";
import type { CertificateText, EngineState } from "../engine.ts";
import { forHost } from "../routing-table.ts";

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
