import type { AnyObject, Served } from "../../registry/resource.ts";
import type { Admission } from "../../registry/write.ts";
import type { Call } from "../call.ts";
import type { UserInfo } from "../exchange.ts";
import { annotate } from "./audit-annotations.ts";

export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

/** A kind in one version; the group is empty for the core group. */
export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** One write, as admission plugins see it. */
export interface AdmissionRequest {
  readonly operation: Operation;
  readonly group: string;
  /** The version that the client speaks. */
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly kind: string;
  /** The resource in that version. */
  readonly served: Served;
  /** What is admitted where that is no object of the resource itself, as a Scale or an Eviction. */
  readonly body?: GroupVersionKind;
  readonly namespace: string;
  /** Empty for a create whose name the path does not say. */
  readonly name: string;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** Raised when the client goes away. */
  readonly signal: AbortSignal;
  /** The client's CreateOptions, UpdateOptions, ... as an object. */
  options(): Readonly<Record<string, unknown>>;
  /** Tells the client something in a `Warning` header. */
  warn(text: string): void;
  /** Writes a fact beside the request's audit events. */
  annotate(key: string, value: string): void;
}

/** One run of all mutating plugins over an object. */
export interface MutatingPass {
  /** The second round is for what earlier plugins may want to do to what later ones changed. */
  readonly round: 0 | 1;
  /** Asks for the second round. */
  reinvoke(): void;
  /** What a plugin remembers from the first round for the second. */
  readonly memory: Map<AdmissionPlugin, unknown>;
}

/** Changes or refuses writes by rules that need more than the object itself. Throws StatusError to refuse. */
export interface AdmissionPlugin {
  readonly name: string;
  /**
   * Whether the plugin looks at writes of this kind at all. Asked once for each operation on each resource and
   * subresource in each version, so it may depend on nothing else.
   */
  handles(request: AdmissionRequest): boolean;
  /** Nothing to do for anybody just now; asked for every write, so that a plugin without configuration costs nothing. */
  idle?(): boolean;
  /** Objects are of the stored version, `previous` is missing when there is none. */
  mutate?(
    object: AnyObject,
    previous: AnyObject | undefined,
    request: AdmissionRequest,
    pass: MutatingPass,
  ): AnyObject | Promise<AnyObject>;
  /** `object` is missing when it is being deleted. */
  validate?(
    object: AnyObject | undefined,
    previous: AnyObject | undefined,
    request: AdmissionRequest,
  ): void | Promise<void>;
  /** Reads what must be known before the first request. */
  start?(): Promise<void>;
  [Symbol.dispose]?(): void;
}

/** What a call's write is about, beside the call. */
export interface AdmissionOptions {
  readonly dryRun: boolean;
  /** See AdmissionRequest; with the subresource that it stands for. */
  readonly body?: GroupVersionKind;
  /** Members of the options that were sent in the body, as of a DELETE. */
  readonly sent?: object;
}

interface Selected {
  readonly mutating: readonly AdmissionPlugin[];
  readonly validating: readonly AdmissionPlugin[];
}

/** All plugins in their order: every one may change the object, then every one may refuse it. */
export class AdmissionChain implements Disposable {
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #selected = new WeakMap<Served, Map<string, Selected>>();

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  /** Resolves when every plugin knows what it must before the first request. */
  async start(): Promise<void> {
    await Promise.all(this.#plugins.map((plugin) => plugin.start?.()));
  }

  /** The admission of one call's write. */
  of(call: Call, operation: Operation, options: AdmissionOptions): Admission {
    return this.for(new CallAdmissionRequest(call, operation, options));
  }

  for(request: AdmissionRequest): Admission {
    return new RunningAdmission(request, this.#select(request));
  }

  #select(request: AdmissionRequest): Selected {
    let known = this.#selected.get(request.served);
    if (!known) {
      known = new Map();
      this.#selected.set(request.served, known);
    }
    const key = request.subresource === "" ? request.operation : `${request.operation} ${request.subresource}`;
    let selected = known.get(key);
    if (!selected) {
      const plugins = this.#plugins.filter((plugin) => plugin.handles(request));
      selected = {
        mutating: plugins.filter(({ mutate }) => mutate !== undefined),
        validating: plugins.filter(({ validate }) => validate !== undefined),
      };
      known.set(key, selected);
    }
    return selected;
  }

  [Symbol.dispose](): void {
    for (const plugin of this.#plugins) plugin[Symbol.dispose]?.();
  }
}

class CallAdmissionRequest implements AdmissionRequest {
  readonly operation: Operation;
  readonly body?: GroupVersionKind;
  readonly dryRun: boolean;
  readonly #call: Call;
  readonly #options: AdmissionOptions;

  constructor(call: Call, operation: Operation, options: AdmissionOptions) {
    this.operation = operation;
    this.dryRun = options.dryRun;
    if (options.body) this.body = options.body;
    this.#call = call;
    this.#options = options;
  }

  get group(): string {
    return this.#call.info.group;
  }
  get version(): string {
    return this.#call.info.version;
  }
  get resource(): string {
    return this.#call.info.resource;
  }
  get subresource(): string {
    return this.#call.info.subresource;
  }
  get kind(): string {
    return this.body?.kind ?? this.#call.served.kind;
  }
  get served(): Served {
    return this.#call.served;
  }
  get namespace(): string {
    return this.#call.info.namespace;
  }
  get name(): string {
    return this.#call.info.named ? this.#call.info.name : "";
  }
  get user(): UserInfo {
    return this.#call.user;
  }
  get signal(): AbortSignal {
    return this.#call.request.signal;
  }

  options(): Readonly<Record<string, unknown>> {
    const { query, verb } = this.#call.info;
    const text = (name: string) => (query.get(name) ? { [name]: query.get(name) } : {});
    return {
      kind: optionKinds[verb] ?? optionKinds[this.operation],
      apiVersion: "meta.k8s.io/v1",
      ...this.#options.sent,
      ...(this.dryRun ? { dryRun: ["All"] } : {}),
      ...(query.get("force") === "true" ? { force: true } : {}),
      ...text("fieldManager"),
      ...text("fieldValidation"),
    };
  }

  warn(text: string): void {
    const { warnings } = this.#call;
    if (warnings.includes(text)) return;
    const told = warnings.reduce((sum, one) => sum + one.length, 0);
    // Headers that are too long would make the whole answer unreadable.
    const short = told + text.length > mostWarning ? text.slice(0, shortWarning) : text;
    if (told + short.length <= mostWarning) warnings.push(short);
  }

  annotate(key: string, value: string): void {
    annotate(this.#call.request, key, value);
  }
}

/** So many characters of warnings one answer bears in all, and so many one of them when there are more. */
const mostWarning = 4096;
const shortWarning = 256;

const optionKinds: Readonly<Record<string, string>> = {
  patch: "PatchOptions",
  CREATE: "CreateOptions",
  UPDATE: "UpdateOptions",
  DELETE: "DeleteOptions",
};

/** Runs the plugins of one write; waits only for those that have something to wait for. */
class RunningAdmission implements Admission, MutatingPass {
  round: 0 | 1 = 0;
  #again = false;
  #memory: Map<AdmissionPlugin, unknown> | undefined;
  readonly #request: AdmissionRequest;
  readonly #selected: Selected;

  constructor(request: AdmissionRequest, selected: Selected) {
    this.#request = request;
    this.#selected = selected;
  }

  get memory(): Map<AdmissionPlugin, unknown> {
    this.#memory ??= new Map();
    return this.#memory;
  }

  reinvoke(): void {
    this.#again = true;
  }

  admit(object: AnyObject, previous: AnyObject | undefined): AnyObject | Promise<AnyObject> {
    this.round = 0;
    this.#again = false;
    this.#memory = undefined;
    return this.#mutateFrom(0, object, previous);
  }

  validate(object: AnyObject | undefined, previous: AnyObject | undefined): void | Promise<void> {
    return this.#validateFrom(0, object, previous);
  }

  #mutateFrom(start: number, object: AnyObject, previous: AnyObject | undefined): AnyObject | Promise<AnyObject> {
    const { mutating } = this.#selected;
    let admitted = object;
    for (let at = start; at < mutating.length; at++) {
      const plugin = mutating[at] as AdmissionPlugin;
      if (plugin.idle?.()) continue;
      const changed = plugin.mutate?.(admitted, previous, this.#request, this) ?? admitted;
      if (changed instanceof Promise) return changed.then((next) => this.#mutateFrom(at + 1, next, previous));
      admitted = changed;
    }
    if (!this.#again || this.round === 1) return admitted;
    this.round = 1;
    return this.#mutateFrom(0, admitted, previous);
  }

  #validateFrom(start: number, object: AnyObject | undefined, previous: AnyObject | undefined): void | Promise<void> {
    const { validating } = this.#selected;
    for (let at = start; at < validating.length; at++) {
      const plugin = validating[at] as AdmissionPlugin;
      if (plugin.idle?.()) continue;
      const checked = plugin.validate?.(object, previous, this.#request);
      if (checked) return checked.then(() => this.#validateFrom(at + 1, object, previous));
    }
  }
}

/** What a refusal calls an object: its name, or what that begins with while it has none. */
export function refusedName({ metadata }: AnyObject): string {
  return metadata.name || metadata.generateName || "Unknown";
}

/** Whether a request makes a pod. */
export function isPodCreate({ operation, group, resource, subresource }: AdmissionRequest): boolean {
  return operation === "CREATE" && resource === "pods" && group === "" && subresource === "";
}
