import protobuf from "protobufjs";
import descriptor from "./etcd-v3.json" with { type: "json" };

/** One method of etcd's gRPC services with the codecs of its messages. */
export interface EtcdMethod<Request, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  encode(request: Request): Buffer;
  decode(bytes: Buffer): Response;
}

/** A 64-bit integer as protobufjs decodes it; revisions and counts stay below 2^53. */
export type Int64 = number | { toNumber(): number };

export interface KeyValue {
  readonly key: Uint8Array;
  readonly create_revision: Int64;
  readonly mod_revision: Int64;
  readonly value: Uint8Array;
}

interface Header {
  readonly revision: Int64;
}

export interface RangeRequest {
  readonly key: Uint8Array;
  readonly range_end?: Uint8Array;
  readonly limit?: number;
  readonly revision?: number;
  readonly count_only?: boolean;
}

export interface RangeResponse {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: Int64;
}

/** One comparison of a key's last change, and what to do then and else. */
export interface TxnRequest {
  readonly compare: readonly {
    readonly target: typeof compareModified;
    readonly key: Uint8Array;
    readonly mod_revision: number;
  }[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

/** The comparison's default result is EQUAL; this is its target MOD. */
export const compareModified = 2;

export type RequestOp =
  | { readonly request_range: RangeRequest }
  | { readonly request_put: { readonly key: Uint8Array; readonly value: Uint8Array; readonly lease?: number } }
  | { readonly request_delete_range: { readonly key: Uint8Array } };

export interface TxnResponse {
  readonly header: Header;
  readonly succeeded: boolean;
  readonly responses: readonly { readonly response_range?: RangeResponse }[];
}

export interface WatchRequest {
  readonly create_request: {
    readonly key: Uint8Array;
    readonly range_end: Uint8Array;
    readonly start_revision: number;
    readonly prev_kv: boolean;
    readonly progress_notify: boolean;
  };
}

export interface WatchResponse {
  readonly header: Header;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compact_revision: Int64;
  readonly cancel_reason: string;
  readonly events: readonly {
    readonly type: number;
    readonly kv: KeyValue;
    readonly prev_kv?: KeyValue | null;
  }[];
}

/** An event's type when the key was deleted. */
export const eventDelete = 1;

const root = protobuf.Root.fromJSON(descriptor);

export const range: EtcdMethod<RangeRequest, RangeResponse> = method("KV", "Range");
export const txn: EtcdMethod<TxnRequest, TxnResponse> = method("KV", "Txn");
export const compact: EtcdMethod<{ readonly revision: number; readonly physical: boolean }, unknown> = method(
  "KV",
  "Compact",
);
export const watch: EtcdMethod<WatchRequest, WatchResponse> = method("Watch", "Watch");
export const leaseGrant: EtcdMethod<
  { readonly TTL: number; readonly ID: number },
  { readonly error: string; readonly TTL: Int64 }
> = method("Lease", "LeaseGrant");

/** A decoded integer as a number. */
export function asNumber(value: Int64): number {
  return typeof value === "number" ? value : value.toNumber();
}

/** A decoded integer as a revision. */
export function asRevision(value: Int64): bigint {
  return BigInt(asNumber(value));
}

/** A decoded value: protobufjs says an empty array where the bytes were left out. */
export function asBytes(value: Uint8Array): Uint8Array {
  return value.length === 0 ? new Uint8Array(0) : value;
}

function method<Request, Response>(serviceName: string, name: string): EtcdMethod<Request, Response> {
  const service = root.lookupService(`etcdserverpb.${serviceName}`);
  const { requestType, responseType } = service.methods[name]!;
  const request = service.lookupType(requestType);
  const response = service.lookupType(responseType);
  return {
    path: `/etcdserverpb.${serviceName}/${name}`,
    encode: (message) => Buffer.from(request.encode(request.fromObject(message as Record<string, unknown>)).finish()),
    // The descriptor that says what is decoded also says what these types say.
    decode: (bytes) => response.decode(bytes) as unknown as Response,
  };
}
