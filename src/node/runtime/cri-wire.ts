import protobuf from "protobufjs";
import containerdEventsDescriptor from "./proto/containerd-events-v1.json" with { type: "json" };
import containerdLeasesDescriptor from "./proto/containerd-leases-v1.json" with { type: "json" };
import criDescriptor from "./proto/cri-v1.json" with { type: "json" };
import type { ImageService, RuntimeService } from "./proto/cri-v1.ts";

/** The CRI's two services by name, with the types of their methods. */
export interface CriServices {
  readonly RuntimeService: RuntimeService;
  readonly ImageService: ImageService;
}

/** Encodes and decodes one message type. Decoded: scalars, lists and maps are there, absent messages are undefined. */
export interface MessageCodec<T> {
  encode(message: T): Buffer;
  decode(bytes: Uint8Array): T;
}

/** One method of a gRPC service, ready for either end. */
export interface MethodCodec<Request, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: MessageCodec<Request>;
  readonly response: MessageCodec<Response>;
}

const cri = protobuf.Root.fromJSON(criDescriptor);
const events = protobuf.Root.fromJSON(containerdEventsDescriptor);
const leases = protobuf.Root.fromJSON(containerdLeasesDescriptor);

/** The codec of a CRI method. */
export function criMethod<S extends keyof CriServices, M extends keyof CriServices[S] & string>(
  service: S,
  method: M,
): MethodCodec<RequestOf<S, M>, ResponseOf<S, M>> {
  return methodCodec(cri.lookupService(`runtime.v1.${service}`), method);
}

export type RequestOf<S extends keyof CriServices, M extends keyof CriServices[S]> = CriServices[S][M] extends {
  readonly request: infer R;
}
  ? R
  : never;
export type ResponseOf<S extends keyof CriServices, M extends keyof CriServices[S]> = CriServices[S][M] extends {
  readonly response: infer R;
}
  ? R
  : never;

/** containerd's own events, which begin before the CRI had any: one envelope per event, of every namespace asked for. */
export const containerdSubscribe: MethodCodec<{ readonly filters: readonly string[] }, ContainerdEnvelope> =
  methodCodec(events.lookupService("containerd.services.events.v1.Events"), "Subscribe");

/** What containerd keeps from its garbage collection while something is made of it, and since when. */
export const containerdLeases: MethodCodec<
  { readonly filters: readonly string[] },
  {
    readonly leases: readonly {
      readonly id: string;
      readonly createdAt?: { readonly seconds: number; readonly nanos: number };
    }[];
  }
> = methodCodec(leases.lookupService("containerd.services.leases.v1.Leases"), "List");

/** Ends a lease; with `sync` resolves when what only it has kept is collected. */
export const containerdEndLease: MethodCodec<{ readonly id: string; readonly sync: boolean }, object> = methodCodec(
  leases.lookupService("containerd.services.leases.v1.Leases"),
  "Delete",
);

/** The namespace of containerd in which its CRI has everything, as a call's header. */
export const criNamespace: Readonly<Record<string, string>> = { "containerd-namespace": "k8s.io" };

export interface ContainerdEnvelope {
  readonly namespace: string;
  /** Such as `/tasks/exit`. */
  readonly topic: string;
  readonly event?: { readonly typeUrl: string; readonly value: Uint8Array };
}

/** The ids in a containerd event; `id` is the process's, which differs from the container's for an exec. */
export interface ContainerdTaskEvent {
  readonly containerId: string;
  readonly id: string;
}

const taskEvents: Readonly<Record<string, MessageCodec<Partial<ContainerdTaskEvent>>>> = {
  "/tasks/start": messageCodec(events.lookupType("containerd.events.TaskStart")),
  "/tasks/exit": messageCodec(events.lookupType("containerd.events.TaskExit")),
  "/tasks/oom": messageCodec(events.lookupType("containerd.events.TaskOOM")),
  "/containers/create": messageCodec(events.lookupType("containerd.events.ContainerCreate")),
  "/containers/delete": messageCodec(events.lookupType("containerd.events.ContainerDelete")),
};

/** The topics of containerd that tell of a change in a container's life. */
export const containerdTopics: readonly string[] = Object.keys(taskEvents);

/** Which container a containerd event is about; undefined for events of exec'd processes and unknown topics. */
export function containerOfEvent(envelope: ContainerdEnvelope): string | undefined {
  const codec = taskEvents[envelope.topic];
  if (!codec || !envelope.event) return undefined;
  const { containerId, id } = codec.decode(envelope.event.value);
  if (!containerId) return id;
  return id && id !== containerId ? undefined : containerId;
}

function methodCodec<Request, Response>(service: protobuf.Service, name: string): MethodCodec<Request, Response> {
  const method = service.methods[name]!;
  return {
    path: `/${service.fullName.slice(1)}/${name}`,
    request: messageCodec(service.lookupType(method.requestType)),
    response: messageCodec(service.lookupType(method.responseType)),
  };
}

function messageCodec<T>(type: protobuf.Type): MessageCodec<T> {
  return {
    encode: (message) => Buffer.from(type.encode(type.fromObject(message as Record<string, unknown>)).finish()),
    decode: (bytes) =>
      // The descriptor that the static types were generated from is the one that decodes, so the shape is known here.
      withoutNulls(
        type.toObject(type.decode(bytes), {
          longs: Number,
          enums: String,
          defaults: true,
          arrays: true,
          objects: true,
        }),
      ) as T,
  };
}

/** protobufjs says null for absent messages, our types undefined. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(entries.map(([key, field]) => [key, withoutNulls(field)]));
}
