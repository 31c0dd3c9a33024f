import type { KindRef, KubeObject, ObjectMeta } from "../machinery/object.ts";
import type { FieldError } from "../machinery/status-error.ts";

/** Deeply partial: what a client may have sent before defaults are filled in. */
export type Partially<T> = T extends readonly (infer Item)[]
  ? readonly Partially<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Partially<T[Key]> }
    : T;

/** One column of a server-side table (`kubectl get`). */
export interface Column<T> {
  readonly name: string;
  readonly type: "string" | "integer" | "date" | "boolean" | "number";
  readonly format?: string;
  readonly description?: string;
  /** 0 is always shown, 1 only in wide output. */
  readonly priority?: 0 | 1;
  /** The cell's value. `now` is in milliseconds since the epoch. */
  readonly of: (object: T, context: { readonly now: number }) => unknown;
}

/** How one older or newer version of a kind maps to the stored one; lossless by annotation where a field has no place. */
export interface VersionMapping {
  /** The type in `facts`, as `extensions/v1beta1.Deployment`. */
  readonly type: string;
  /** The name it has in paths of this version, where that is another one than the kind's. */
  readonly plural?: string;
  /** Subresources that only this version has, beside those of the kind. */
  readonly subresources?: readonly string[];
  /** Brings words from before this version, which its type does not know, into its own; tells what it read. */
  readonly reads?: (object: KubeObject, tell: (text: string) => void) => KubeObject;
  readonly defaults?: (object: KubeObject) => KubeObject;
  readonly toStored: (object: KubeObject) => KubeObject;
  readonly fromStored: (object: KubeObject) => KubeObject;
  /**
   * Converts where that needs somebody outside; the two functions above then only rename, for those who cannot wait.
   * Answers in the order of the objects.
   */
  readonly convert?: (
    objects: readonly KubeObject[],
    direction: "toStored" | "fromStored",
  ) => Promise<readonly KubeObject[]>;
  /** What of the kind is different in this version. */
  readonly own?: VersionOwn;
  /** Only subresources are served in this version; discovery shows them below a kind of this name that nobody can ask for. */
  readonly shell?: string;
}

/** What versions of one kind may have each for themselves: those of custom resources do. */
export interface VersionOwn {
  readonly subresources: readonly string[];
  readonly scale?: ScalePaths;
  /** Of the object in this version. */
  readonly columns: readonly Column<KubeObject>[];
  /** What users of this version are told. */
  readonly deprecation?: string;
  /** Objects stored in this version can be read, but the version is not served. */
  readonly unserved?: boolean;
}

/** `scale`'s places in the object, as JSON paths without the leading dot. */
export interface ScalePaths {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  /** Where the selector stands: a LabelSelector, or a plain map of labels. */
  readonly selector?: string;
}

/** What a kind declares; everything that is not said has the usual meaning. */
export interface KindDeclaration<T extends { readonly metadata: ObjectMeta }> {
  /** The type in `facts` that is stored: `apps/v1.ReplicaSet`. Group, version and kind follow from it. */
  readonly type: string;
  readonly plural: string;
  /** Default: the kind in lower case. */
  readonly singular?: string;
  /** Default: the kind followed by `List`. */
  readonly listKind?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly scope: "Namespaced" | "Cluster";
  /** `status`, `scale`, and the kind's own: `binding`, `eviction`, `log`, `exec`, `token`, ... */
  readonly subresources?: readonly string[];
  readonly scale?: ScalePaths;
  /** Verbs other than the usual eight, for kinds that are only created (`TokenReview`) or only read. */
  readonly verbs?: readonly Verb[];
  /** Fills in what a client left out. Pure; gets the decoded object, returns the whole object. Also runs on what is read from the store. */
  readonly defaults?: (object: T) => T;
  /** On create, before validation: sets what belongs to the server (status, generated fields). Default: drops `status` if it is a subresource. */
  readonly prepareCreate?: (object: T) => T;
  /** On update, before validation: keeps what belongs to the server. Default: keeps `status` if it is a subresource. */
  readonly prepareUpdate?: (next: T, previous: T) => T;
  /** On an update of the `status` subresource. Default: takes `status` of `next` and all else of `previous`. */
  readonly prepareStatus?: (next: T, previous: T) => T;
  /** Every fault of the object. Metadata is checked by the registry. */
  readonly validate?: (object: T) => readonly FieldError[];
  /** Faults of a change, beside those of `validate`. */
  readonly validateUpdate?: (next: T, previous: T) => readonly FieldError[];
  readonly validateStatus?: (next: T, previous: T) => readonly FieldError[];
  /** The name rule; default is a DNS-1123 subdomain. */
  readonly name?: "subdomain" | "label" | "label1035" | "path";
  /** Names made from `generateName` and all else are checked the same way; kinds like RBAC allow more. */
  readonly columns?: readonly Column<T>[];
  /** Field selectors beside `metadata.name` and `metadata.namespace`: label -> value of an object ("" when unset). */
  readonly fields?: Readonly<Record<string, (object: T) => string>>;
  /** Raises `metadata.generation` when this part changes. Default: `spec`, if the type has one and `status` is a subresource. */
  readonly generationOf?: (object: T) => unknown;
  /** Seconds of grace when a delete asks for none; only kinds that are deleted gracefully have it (Pod). */
  readonly gracePeriod?: (object: T) => number;
  /** Finalizer put on at creation, as claims and namespaces have. */
  readonly finalizers?: readonly string[];
  /** An update without resourceVersion is allowed (most kinds). Default true. */
  readonly unconditionalUpdate?: boolean;
  /** PUT on a name that is not there makes it (Lease, Endpoints, Event, ...). Default false. */
  readonly createOnUpdate?: boolean;
  /** Dependents' fate when a delete does not say: upstream orphans for a few old versions. Default `Background`. */
  readonly defaultPropagation?: "Background" | "Orphan";
  /** Seconds after which the server forgets it (Event: 3600). */
  readonly ttl?: number;
  /**
   * Other served versions by apiVersion (`extensions/v1beta1`); the second of two forms in one version by apiVersion and
   * plural (`batch/v2alpha1/scheduledjobs`).
   */
  readonly versions?: Readonly<Record<string, VersionMapping>>;
  /** Brings what is read from the store into today's form: what its schema lost since is dropped, new defaults are there. */
  readonly fromStore?: (object: T) => T;
  /** The stored version is not served itself. */
  readonly unserved?: boolean;
  /** What users of the stored version are told. */
  readonly deprecation?: string;
}

export type Verb = "create" | "delete" | "deletecollection" | "get" | "list" | "patch" | "update" | "watch";

/** What can be done with a kind that declares nothing else. */
export const usualVerbs: readonly Verb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];

/** A declared kind: a reference that clients use, and the behaviour that the registry runs. */
export interface Kind<T extends { readonly metadata: ObjectMeta } = KubeObject> extends KindRef<T> {
  readonly declaration: KindDeclaration<T>;
  readonly apiVersion: string;
}

/** Declares a kind. One call per kind, in `api/<group>/<kind>.ts`; `api/kinds.ts` lists them all. */
export function defineKind<T extends { readonly metadata: ObjectMeta }>(declaration: KindDeclaration<T>): Kind<T> {
  const [path = "", kind = ""] = splitLast(declaration.type, ".");
  const [folder = "", version = ""] = splitLast(path, "/");
  const group = groupNames[folder] ?? folder;
  return Object.freeze({
    declaration,
    group,
    version,
    kind,
    plural: declaration.plural,
    namespaced: declaration.scope === "Namespaced",
    apiVersion: group === "" ? version : `${group}/${version}`,
  });
}

function splitLast(text: string, separator: string): readonly string[] {
  const at = text.lastIndexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** The group that a package of the sources serves, where the two names differ. */
export const groupNames: Readonly<Record<string, string>> = {
  core: "",
  admission: "admission.k8s.io",
  admissionregistration: "admissionregistration.k8s.io",
  apidiscovery: "apidiscovery.k8s.io",
  apiextensions: "apiextensions.k8s.io",
  apiregistration: "apiregistration.k8s.io",
  apiserverinternal: "internal.apiserver.k8s.io",
  authentication: "authentication.k8s.io",
  authorization: "authorization.k8s.io",
  certificates: "certificates.k8s.io",
  coordination: "coordination.k8s.io",
  custom_metrics: "custom.metrics.k8s.io",
  discovery: "discovery.k8s.io",
  events: "events.k8s.io",
  external_metrics: "external.metrics.k8s.io",
  flowcontrol: "flowcontrol.apiserver.k8s.io",
  imagepolicy: "imagepolicy.k8s.io",
  metrics: "metrics.k8s.io",
  networking: "networking.k8s.io",
  node: "node.k8s.io",
  rbac: "rbac.authorization.k8s.io",
  resource: "resource.k8s.io",
  scheduling: "scheduling.k8s.io",
  storage: "storage.k8s.io",
  storagemigration: "storagemigration.k8s.io",
};
