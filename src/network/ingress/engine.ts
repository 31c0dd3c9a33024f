import type { RoutingTable } from "./routing-table.ts";

/** PEM texts that belong together. */
export interface CertificateText {
  readonly cert: string;
  readonly key: string;
}

/** Certificates that others are verified by. */
export interface Authority {
  readonly pem: string;
  /** The same for the same text, and for no other. */
  readonly id: string;
}

/** What an engine answers by. */
export interface EngineState {
  readonly table: RoutingTable;
  /** By the keys that the table names; for one that is not here the default certificate is shown. */
  readonly certificates: ReadonlyMap<string, CertificateText>;
  /** By the keys that back ends name; those whose authority is not here are not spoken to. */
  readonly authorities?: ReadonlyMap<string, Authority>;
}

/** Answers HTTP and HTTPS requests by a routing table. Disposing lets requests that are being answered end for a moment. */
export interface IngressEngine extends AsyncDisposable {
  /**
   * Takes the place of what was before, for requests and handshakes that begin from now on; those under way go on. Endpoints
   * that are no longer in the table get nothing new. Never throws: certificates have been looked at before.
   */
  apply(state: EngineState): void;
}
