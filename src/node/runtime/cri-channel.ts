import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault, type FaultCode } from "../../lib/fault.ts";
import { type CriServices, criMethod, type MethodCodec, type RequestOf, type ResponseOf } from "./cri-wire.ts";

/** How one call is made. Without `timeoutMs` it may take forever. */
export interface UnaryOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A gRPC connection to a container runtime over its unix socket. It connects when first used and, after a loss, again by
 * itself with growing waits; calls made meanwhile fail at once with Fault `unavailable`.
 */
export class CriChannel implements Disposable {
  readonly #client: Client;
  readonly #clock: Clock;
  #closed = false;

  /** `endpoint` is a socket's path, with or without `unix://`. */
  constructor(endpoint: string, clock: Clock) {
    this.#clock = clock;
    this.#client = new Client(`unix:${endpoint.replace(/^unix:(\/\/)?/, "")}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": 16 * 1024 * 1024,
      "grpc.max_send_message_length": 16 * 1024 * 1024,
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.min_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 2_000,
      "grpc.enable_retries": 0,
      // Two drivers in one process must not share a connection: disposing one would end the other's calls.
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  /** Calls a CRI method; throws the Fault that `rpcFault` makes of a failure. */
  call<S extends keyof CriServices, M extends keyof CriServices[S] & string>(
    service: S,
    method: M,
    request: RequestOf<S, M>,
    options: UnaryOptions = {},
  ): Promise<ResponseOf<S, M>> {
    return this.unary(criMethod(service, method), request, options);
  }

  /** Calls any unary method. */
  unary<Request, Response>(
    method: MethodCodec<Request, Response>,
    request: Request,
    { timeoutMs, signal, headers }: UnaryOptions = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Fault("closed", "The runtime's connection was closed"));
      if (signal?.aborted) return reject(new Fault("aborted", "The call was given up before it began"));
      const options = timeoutMs === undefined ? {} : { deadline: this.#clock.now() + timeoutMs };
      const call = this.#client.makeUnaryRequest<Request, Response>(
        method.path,
        method.request.encode,
        method.response.decode,
        request,
        metadataOf(headers),
        options,
        (error, response) => {
          signal?.removeEventListener("abort", abort);
          if (error) reject(rpcFault(error));
          else resolve(response!);
        },
      );
      const abort = () => call.cancel();
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Yields a server stream's messages until it ends, fails (a Fault) or `signal` aborts it (it then just ends). */
  async *stream<Request, Response>(
    method: MethodCodec<Request, Response>,
    request: Request,
    options: {
      readonly signal: AbortSignal;
      readonly headers?: Readonly<Record<string, string>>;
    },
  ): AsyncGenerator<Response> {
    if (this.#closed) throw new Fault("closed", "The runtime's connection was closed");
    const call = this.#client.makeServerStreamRequest<Request, Response>(
      method.path,
      method.request.encode,
      method.response.decode,
      request,
      metadataOf(options.headers),
    );
    const abort = () => call.cancel();
    options.signal.addEventListener("abort", abort, { once: true });
    if (options.signal.aborted) abort();
    try {
      for await (const message of call) yield message as Response;
    } catch (error) {
      if (options.signal.aborted) return;
      throw isServiceError(error) ? rpcFault(error) : error;
    } finally {
      options.signal.removeEventListener("abort", abort);
      call.cancel();
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#client.close();
  }
}

const faultCodes: Readonly<Partial<Record<status, FaultCode>>> = {
  [status.CANCELLED]: "aborted",
  [status.INVALID_ARGUMENT]: "invalid",
  [status.OUT_OF_RANGE]: "invalid",
  [status.DEADLINE_EXCEEDED]: "timeout",
  [status.NOT_FOUND]: "missing",
  [status.ALREADY_EXISTS]: "conflict",
  [status.FAILED_PRECONDITION]: "conflict",
  [status.ABORTED]: "conflict",
  [status.RESOURCE_EXHAUSTED]: "exhausted",
  [status.UNIMPLEMENTED]: "unsupported",
  [status.UNAVAILABLE]: "unavailable",
  [status.DATA_LOSS]: "corrupt",
};

/** Words in which runtimes report a well-known condition under the code Unknown. */
const unknownWords: readonly (readonly [RegExp, FaultCode])[] = [
  [
    /is in CONTAINER_\w+ state|is already in (exited|removing|starting) state|not in (running|created) state/,
    "conflict",
  ],
  [/failed to reserve (sandbox|container) name/, "conflict"],
  [/sandbox container "[^"]*" is not running|container "?\S*"? is not running|container is not running/, "conflict"],
  [/no runtime for "[^"]*" is configured|failed to get sandbox runtime/, "missing"],
  [/timeout .* exceeded|context deadline exceeded/, "timeout"],
  [/: not found$/, "missing"],
];

/** A failed call as a Fault with the runtime's own message; the gRPC error is its cause. */
export function rpcFault(error: ServiceError): Fault {
  const message = error.details || error.message;
  const byWords = error.code === status.UNKNOWN ? unknownWords.find(([words]) => words.test(message))?.[1] : undefined;
  return new Fault(byWords ?? faultCodes[error.code] ?? "internal", message, { cause: error });
}

/** The form in which kubelet events quote a runtime's failure: `rpc error: code = NotFound desc = ...`. */
export function rpcErrorText(error: unknown): string {
  const cause = error instanceof Fault ? error.cause : undefined;
  if (!isServiceError(cause)) return errorMessage(error);
  return `rpc error: code = ${goCodeName(cause.code)} desc = ${cause.details}`;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
}

function goCodeName(code: status): string {
  if (code === status.CANCELLED) return "Canceled";
  return (status[code] ?? "Unknown").replace(
    /_?([A-Z])([A-Z]*)/g,
    (_, first: string, rest: string) => first + rest.toLowerCase(),
  );
}

function metadataOf(headers: Readonly<Record<string, string>> = {}): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}
