import { Fault } from "../lib/fault.ts";
import type { Status } from "../machinery/generated/meta-v1.ts";
import {
  apiVersionOf,
  type KindRef,
  type KubeList,
  keyOf,
  type ObjectMeta,
  resourcePath,
} from "../machinery/object.ts";
import { StatusError } from "../machinery/status-error.ts";
import type { Client, DeleteOptions, ListOptions, Patch, WatchOptions, WriteOptions } from "./client.ts";
import type { Transport, TransportRequest, TransportResponse, WatchEvent } from "./transport.ts";

const patchTypes: Readonly<Record<Patch["type"], string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

/** A client over a transport; `fieldManager` is written into managedFields unless a call says otherwise. */
export function createClient(transport: Transport, defaults: { readonly fieldManager?: string } = {}): Client {
  const send = async (request: TransportRequest): Promise<TransportResponse> => {
    const answer = await transport.send(request);
    if (answer.status >= 400) throw await failure(answer);
    return answer;
  };
  const call = async <T>(request: TransportRequest): Promise<T> => (await (await send(request)).value()) as T;
  const write = (options: WriteOptions | undefined) =>
    query({
      dryRun: options?.dryRun ? "All" : undefined,
      fieldManager: options?.fieldManager ?? defaults.fieldManager,
    });
  const put = <T>(kind: KindRef<T>, object: unknown, options?: WriteOptions, subresource?: string) => {
    const key = keyOf(object as { metadata: ObjectMeta });
    return call<T>({
      method: "PUT",
      path: resourcePath(kind, key, subresource) + write(options),
      body: typed(kind, object),
      signal: options?.signal,
    });
  };

  return {
    get: (kind, key, options) =>
      call({
        method: "GET",
        path: resourcePath(kind, key) + query({ resourceVersion: options?.resourceVersion }),
        signal: options?.signal,
      }),
    async list<T>(kind: KindRef<T>, options: ListOptions = {}) {
      const list = await call<KubeList<T>>({
        method: "GET",
        path: listPath(kind, options),
        ...accepting("PartialObjectMetadataList", options),
        signal: options.signal,
      });
      return { ...list, items: (list.items ?? []).map((item) => typed(kind, item)) };
    },
    watch<T>(kind: KindRef<T>, options: WatchOptions = {}) {
      const path = listPath(kind, options, {
        watch: "true",
        allowWatchBookmarks: options.allowWatchBookmarks ? "true" : undefined,
        timeoutSeconds: options.timeoutSeconds?.toString(),
        sendInitialEvents: options.sendInitialEvents ? "true" : undefined,
      });
      const shape = accepting("PartialObjectMetadata", options);
      const open = async () => {
        const answer = await send({ method: "GET", path, ...shape, signal: options.signal });
        return answer.events()[Symbol.asyncIterator]();
      };
      return { [Symbol.asyncIterator]: () => new Watched<T>(open) };
    },
    create: (kind, object, options) =>
      call({
        method: "POST",
        path: resourcePath(kind, { namespace: object.metadata.namespace }) + write(options),
        body: typed(kind, object),
        signal: options?.signal,
      }),
    update: put,
    updateStatus: (kind, object, options) => put(kind, object, options, "status"),
    patch: (kind, key, patch, options) =>
      call({
        method: "PATCH",
        path:
          resourcePath(kind, key, options?.subresource) +
          query({
            dryRun: options?.dryRun ? "All" : undefined,
            fieldManager:
              patch.type === "apply" ? patch.fieldManager : (options?.fieldManager ?? defaults.fieldManager),
            force: patch.type === "apply" && patch.force ? "true" : undefined,
          }),
        headers: { "content-type": patchTypes[patch.type] },
        body: patch.body,
        signal: options?.signal,
      }),
    async delete(kind, key, options = {}) {
      await call({
        method: "DELETE",
        path: resourcePath(kind, key),
        body: deleteBody(options),
        signal: options.signal,
      });
    },
    async deleteCollection(kind, options = {}) {
      await call({
        method: "DELETE",
        path: listPath(kind, options),
        body: deleteBody(options),
        signal: options.signal,
      });
    },
    createSubresource: (kind, key, subresource, body, options) =>
      call({
        method: "POST",
        path: resourcePath(kind, key, subresource) + write(options),
        body,
        signal: options?.signal,
      }),
    getSubresource: (kind, key, subresource) => call({ method: "GET", path: resourcePath(kind, key, subresource) }),
    updateSubresource: (kind, key, subresource, body) =>
      call({ method: "PUT", path: resourcePath(kind, key, subresource) + write(undefined), body }),
  };
}

/** A watch that begins when somebody reads it and throws the error that ends it. */
class Watched<T> implements AsyncIterator<WatchEvent<T>, undefined> {
  readonly #open: () => Promise<AsyncIterator<WatchEvent>>;
  #events: AsyncIterator<WatchEvent> | undefined;
  #over = false;

  constructor(open: () => Promise<AsyncIterator<WatchEvent>>) {
    this.#open = open;
  }

  async next(): Promise<IteratorResult<WatchEvent<T>, undefined>> {
    if (this.#over) return { done: true, value: undefined };
    this.#events ??= await this.#open();
    const { done, value } = await this.#events.next();
    if (done) return { done, value: undefined };
    if (value.type !== "ERROR") return { done: false, value: value as WatchEvent<T> };
    await this.return();
    throw StatusError.fromStatus(value.object as Status);
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#over = true;
    await this.#events?.return?.();
    return { done: true, value: undefined };
  }
}

function accepting(shape: string, { metadataOnly }: ListOptions): Pick<TransportRequest, "headers"> {
  return metadataOnly ? { headers: { accept: `application/json;as=${shape};g=meta.k8s.io;v=v1` } } : {};
}

/** Adds apiVersion and kind where they are missing: items of a list come without. */
function typed<T>(kind: KindRef<T>, object: unknown): T {
  const known = object as { readonly kind?: string; readonly apiVersion?: string };
  if (known.kind && known.apiVersion) return object as T;
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, ...known } as T;
}

function listPath(
  kind: KindRef<unknown>,
  options: ListOptions,
  more: Readonly<Record<string, string | undefined>> = {},
): string {
  return (
    resourcePath(kind, { namespace: options.namespace }) +
    query({
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
      limit: options.limit?.toString(),
      continue: options.continue,
      resourceVersion: options.resourceVersion,
      resourceVersionMatch:
        options.resourceVersionMatch ??
        ("sendInitialEvents" in options && options.sendInitialEvents ? "NotOlderThan" : undefined),
      ...options.parameters,
      ...more,
    })
  );
}

function query(parameters: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return pairs.length > 0 ? `?${pairs.join("&")}` : "";
}

function deleteBody(options: DeleteOptions): object {
  const { gracePeriodSeconds, propagationPolicy, preconditions } = options;
  return {
    apiVersion: "v1",
    kind: "DeleteOptions",
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy ? { propagationPolicy } : {}),
    ...(preconditions ? { preconditions } : {}),
  };
}

async function failure(answer: TransportResponse): Promise<Error> {
  const body = await answer.value();
  if (typeof body === "object" && body !== null && (body as { kind?: string }).kind === "Status") {
    return StatusError.fromStatus(body as Status);
  }
  if (answer.status === 503)
    return new Fault("unavailable", `the API server answered ${answer.status}: ${String(body)}`);
  return new StatusError("", `the server answered ${answer.status}: ${String(body).slice(0, 200)}`, {
    code: answer.status,
  });
}
