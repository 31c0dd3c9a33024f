import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { backoffDelay } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { EtcdMethod } from "./etcd-wire.ts";

/** What proves who we are and who the servers are, all in PEM. */
export interface EtcdTls {
  readonly ca?: Uint8Array;
  readonly certificate?: Uint8Array;
  readonly key?: Uint8Array;
}

export interface EtcdConnectionOptions {
  /** The members' client URLs, `http://host:2379` or `https://host:2379`. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  readonly clock: Clock;
  /** Milliseconds until a call is given up. */
  readonly timeout: number;
}

const retries = { base: 50, factor: 2, max: 1000 } as const;

/** Calls to whichever member of an etcd cluster answers; when one stops answering, the next is asked. */
export class EtcdConnection implements Disposable {
  readonly #clients: readonly Client[];
  readonly #clock: Clock;
  readonly #timeout: number;
  #current = 0;
  #closed = false;

  constructor({ endpoints, tls, clock, timeout }: EtcdConnectionOptions) {
    if (endpoints.length === 0) throw new Fault("invalid", "an etcd cluster needs at least one endpoint");
    this.#clients = endpoints.map((endpoint) => openClient(endpoint, tls));
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /**
   * Calls a method. A `repeatable` call is tried again, on other members too, until its time is over; any other only
   * when it certainly never left this process, since otherwise it may have had its effect.
   */
  async call<Request, Response>(
    method: EtcdMethod<Request, Response>,
    request: Request,
    { repeatable }: { readonly repeatable: boolean },
  ): Promise<Response> {
    const deadline = this.#clock.now() + this.#timeout;
    for (let failures = 1; ; failures++) {
      const used = this.#current;
      try {
        return await this.#callOnce(this.#clients[used]!, method, request, deadline);
      } catch (error) {
        const again = repeatable ? isUnanswered(error) : wasNeverSent(error);
        const wait = backoffDelay(retries, failures);
        if (!again || this.#closed || this.#clock.now() + wait >= deadline)
          throw this.#closed ? closedFault() : faultOf(error);
        this.#leave(used);
        // Every other member is asked before anybody waits.
        if (failures % this.#clients.length === 0) await this.#clock.sleep(wait);
      }
    }
  }

  /** Opens a stream of requests and responses to the present member; `lost` says that it broke. */
  stream<Request, Response>(
    method: EtcdMethod<Request, Response>,
  ): { readonly call: ClientDuplexStream<Request, Response>; lost(): void } {
    if (this.#closed) throw closedFault();
    const used = this.#current;
    const call = this.#clients[used]!.makeBidiStreamRequest<Request, Response>(
      method.path,
      method.encode,
      method.decode,
      new Metadata(),
    );
    return { call, lost: () => this.#leave(used) };
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const client of this.#clients) client.close();
  }

  #callOnce<Request, Response>(
    client: Client,
    method: EtcdMethod<Request, Response>,
    request: Request,
    deadline: number,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closedFault());
        return;
      }
      client.makeUnaryRequest<Request, Response>(
        method.path,
        method.encode,
        method.decode,
        request,
        new Metadata(),
        { deadline },
        (error, response) => {
          if (error) reject(error);
          else resolve(response!);
        },
      );
    });
  }

  #leave(used: number): void {
    if (this.#current === used) this.#current = (used + 1) % this.#clients.length;
  }
}

/** What went wrong with a call, in the store's words. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (!isServiceError(error)) return new Fault("internal", `etcd: ${String(error)}`, { cause: error });
  const { code, details } = error;
  const fault = (kind: ConstructorParameters<typeof Fault>[0]) => new Fault(kind, `etcd: ${details}`, { cause: error });
  if (code === status.OUT_OF_RANGE) return fault(details.includes("compacted") ? "compacted" : "invalid");
  if (code === status.RESOURCE_EXHAUSTED) return fault("exhausted");
  if (code === status.INVALID_ARGUMENT) return fault("invalid");
  if (code === status.DATA_LOSS) return fault("corrupt");
  return fault("unavailable");
}

/** Whether an error is etcd's answer that a lease is not there any more. */
export function isLeaseGone(error: unknown): boolean {
  const cause = error instanceof Fault ? error.cause : error;
  return isServiceError(cause) && cause.code === status.NOT_FOUND && cause.details.includes("lease not found");
}

function openClient(endpoint: string, tls: EtcdTls | undefined): Client {
  const url = new URL(endpoint);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new Fault("invalid", `etcd endpoint ${endpoint} is neither http nor https`);
  }
  const pem = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes) : null);
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const checkIdentity = (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate);
  const channel = secure
    ? credentials.createSsl(pem(tls?.ca), pem(tls?.key), pem(tls?.certificate), { checkServerIdentity: checkIdentity })
    : credentials.createInsecure();
  return new Client(`${url.hostname}:${url.port || "2379"}`, channel, {
    // TLS cannot name an address to the server, so another name is sent; who it is, is checked by the address above.
    ...(secure && isIP(host) > 0 ? { "grpc.ssl_target_name_override": "etcd" } : {}),
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.min_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 1000,
    "grpc.enable_retries": 0,
    // A member that vanished without a word is noticed; asking more often than etcd likes would end the connection.
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.use_local_subchannel_pool": 1,
  });
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
}

function isUnanswered(error: unknown): boolean {
  return isServiceError(error) && (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED);
}

function wasNeverSent(error: unknown): boolean {
  return (
    isServiceError(error) &&
    error.code === status.UNAVAILABLE &&
    /^(No connection established|Name resolution)/.test(error.details)
  );
}

function closedFault(): Fault {
  return new Fault("closed", "the store is closed");
}
