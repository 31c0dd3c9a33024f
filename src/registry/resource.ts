import { type Kind, type KindDeclaration, usualVerbs, type Verb, type VersionMapping } from "../api/kind.ts";
import { Fault } from "../lib/fault.ts";
import { decodeValue } from "../machinery/codec-json.ts";
import type { KubeObject, ObjectMeta } from "../machinery/object.ts";
import type { ResourceName } from "../machinery/status-error.ts";
import type { StructInfo, TypeLookup } from "../machinery/type-info.ts";
import type { KeyRange } from "../store/store.ts";

/** One version in which a resource is served. */
export interface Served {
  readonly resource: Resource;
  readonly group: string;
  readonly version: string;
  /** `v1`, `apps/v1` */
  readonly apiVersion: string;
  readonly kind: string;
  /** In paths: that of the resource, but for a few early versions. */
  readonly plural: string;
  readonly listKind: string;
  readonly type: StructInfo;
  /** What can be done with its objects; nothing where only subresources are served. */
  readonly verbs: readonly Verb[];
  readonly subresources: ReadonlySet<string>;
  /** Absent for the stored version. */
  readonly mapping?: VersionMapping;
  /** How every object of this version begins in JSON; the members of its metadata follow. */
  readonly head: Uint8Array;
}

/** Any object on its way through the registry: what it is beside its metadata only the declaration knows. */
export type AnyObject = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

/** A kind in the store, with everything that follows from its declaration worked out once. */
export class Resource {
  readonly kind: Kind;
  readonly group: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  /** What messages call it. */
  readonly name: ResourceName;
  readonly stored: Served;
  /** By their name in the declaration, mostly the apiVersion; the stored one first if it is served. */
  readonly served: ReadonlyMap<string, Served>;
  /** Beside the served ones those that objects may have been stored in. */
  readonly versions: ReadonlyMap<string, Served>;
  /** Objects are of no built-in type: even as items of a list they say their kind. */
  readonly custom: boolean;
  /** Conversion between its versions needs somebody outside. */
  readonly convertsOutside: boolean;
  readonly subresources: ReadonlySet<string>;
  /** All keys of the resource. */
  readonly range: KeyRange;
  /** The part of an object whose change raises its generation; undefined for kinds that do not count. */
  readonly generationOf: ((object: AnyObject) => unknown) | undefined;
  /** The status of a new object; undefined where none is shown. */
  readonly emptyStatus: unknown;
  /** Objects are frozen as they are held, so that a change of a shared one is an error: for tests. */
  readonly freeze: boolean;
  readonly #prefix: string;

  constructor(kind: Kind, lookup: TypeLookup, options: { readonly freeze?: boolean } = {}) {
    this.kind = kind;
    this.freeze = options.freeze ?? false;
    this.group = kind.group;
    this.plural = kind.plural;
    this.singular = kind.declaration.singular ?? kind.kind.toLowerCase();
    this.namespaced = kind.namespaced;
    this.name = { group: kind.group, plural: kind.plural };
    this.subresources = new Set(kind.declaration.subresources);
    this.#prefix = kind.group === "" ? `/registry/${kind.plural}/` : `/registry/${kind.group}/${kind.plural}/`;
    this.range = prefixed(this.#prefix);

    this.stored = this.#serve(kind.apiVersion, kind.declaration.type, lookup);
    const others = Object.entries(kind.declaration.versions ?? {}).map(([name, mapping]) => {
      const apiVersion = mapping.plural ? name.replace(`/${mapping.plural}`, "") : name;
      return [name, this.#serve(apiVersion, mapping.type, lookup, mapping)] as const;
    });
    this.versions = new Map([[kind.apiVersion, this.stored], ...others]);
    const shown = ({ mapping }: Served) => !(mapping ? mapping.own?.unserved : kind.declaration.unserved);
    this.served = new Map([...this.versions].filter(([, version]) => shown(version)));
    this.custom = this.stored.type.decode !== undefined;
    this.convertsOutside = [...this.versions.values()].some(({ mapping }) => mapping?.convert !== undefined);

    this.emptyStatus = decodeValue<AnyObject>(this.stored.type, {}).object.status;
    const declared = kind.declaration.generationOf;
    const counts = () => this.subresources.has("status") && this.stored.type.fields.has("spec");
    this.generationOf = declared ?? (counts() ? (object) => object.spec : undefined);
  }

  get declaration(): KindDeclaration<KubeObject> {
    return this.kind.declaration;
  }

  /** The key in the store of one object. */
  key(namespace: string | undefined, name: string): string {
    return this.namespaced ? `${this.#prefix}${namespace}/${name}` : this.#prefix + name;
  }

  keyOf({ metadata }: { readonly metadata: ObjectMeta }): string {
    return this.key(metadata.namespace, metadata.name ?? "");
  }

  /** The keys of one namespace, or all. */
  rangeOf(namespace: string | undefined): KeyRange {
    return this.namespaced && namespace ? prefixed(`${this.#prefix}${namespace}/`) : this.range;
  }

  #subresourcesIn(mapping: VersionMapping | undefined): ReadonlySet<string> {
    if (mapping?.own) return new Set(mapping.own.subresources);
    return mapping?.subresources ? new Set([...this.subresources, ...mapping.subresources]) : this.subresources;
  }

  #serve(apiVersion: string, typeName: string, lookup: TypeLookup, mapping?: VersionMapping): Served {
    const type = lookup(typeName);
    if (!type) throw new Fault("internal", `no type ${typeName} for ${this.plural} in ${apiVersion}`);
    const slash = apiVersion.indexOf("/");
    const kind = mapping?.shell ?? typeName.slice(typeName.lastIndexOf(".") + 1);
    const { listKind = `${kind}List` } = this.declaration;
    // An array of its own: one of Node's shared pool would keep the whole pool as long as the kind.
    const head = new TextEncoder().encode(
      `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":{`,
    );
    return {
      resource: this,
      group: slash < 0 ? "" : apiVersion.slice(0, slash),
      version: apiVersion.slice(slash + 1),
      apiVersion,
      kind,
      plural: mapping?.plural ?? this.plural,
      listKind,
      type,
      verbs: mapping?.shell ? [] : (this.declaration.verbs ?? usualVerbs),
      subresources: this.#subresourcesIn(mapping),
      head,
      ...(mapping ? { mapping } : {}),
    };
  }
}

// "0" follows "/" in byte order, so this is every key below the prefix.
function prefixed(prefix: string): KeyRange {
  return { start: prefix, end: `${prefix.slice(0, -1)}0` };
}
