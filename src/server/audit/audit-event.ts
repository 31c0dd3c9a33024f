import type { UserInfo } from "../exchange.ts";
import type { AuditLevel, AuditStage } from "./audit-policy.ts";

interface AuditUser {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** One line of the audit log: audit.k8s.io/v1 Event. */
export interface AuditEvent {
  readonly kind: "Event";
  readonly apiVersion: "audit.k8s.io/v1";
  readonly level: AuditLevel;
  readonly auditID: string;
  readonly stage: AuditStage;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: AuditUser;
  readonly impersonatedUser?: AuditUser;
  readonly sourceIPs?: readonly string[];
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly uid?: string;
    readonly apiGroup?: string;
    readonly apiVersion?: string;
    readonly resourceVersion?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: object;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Where audit events go. */
export interface AuditBackend extends AsyncDisposable {
  /** Never throws: what cannot be written is counted and told to the server's log. */
  write(event: AuditEvent): void;
}

export function auditUser({ name, uid, groups, extra }: UserInfo): AuditUser {
  return {
    username: name,
    ...(uid ? { uid } : {}),
    ...(groups.length > 0 ? { groups } : {}),
    ...(extra ? { extra } : {}),
  };
}

/** A moment with microseconds, of which the last three are not known. */
export function microTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, -1)}000Z`;
}

/** An object without what says who owns which field; of lists, the items'. */
export function withoutManagedFields(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { metadata, items, ...rest } = value as { metadata?: { managedFields?: unknown }; items?: unknown };
  const { managedFields: _owners, ...others } = metadata ?? {};
  return {
    ...rest,
    ...(metadata ? { metadata: others } : {}),
    ...(Array.isArray(items) ? { items: items.map(withoutManagedFields) } : items === undefined ? {} : { items }),
  };
}
