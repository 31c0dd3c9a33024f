import { Fault } from "../lib/fault.ts";
import type { FieldSet } from "../machinery/apply/field-set.ts";
import { setText, sharedSet } from "../machinery/apply/shared-sets.ts";
import { deepFreeze } from "../machinery/equality.ts";
import type { KubeObject } from "../machinery/object.ts";
import type { Revision } from "../store/store.ts";
import type { AnyObject, Resource, Served } from "./resource.ts";
import type { Shelf } from "./shelf.ts";

/** One version's form of a held object: the value, and its JSON split where the resourceVersion goes. */
interface View {
  readonly object: AnyObject;
  /** The JSON after `Served.head`. */
  tail: Uint8Array | undefined;
}

/**
 * One state of one object. Its bytes are held, outside the JavaScript heap; the object itself only as long as somebody
 * uses it, and all who use it share it. The JSON is kept without the resourceVersion, which is only known after the
 * commit and is put in when the bytes go out.
 */
export class Held {
  readonly resource: Resource;
  readonly key: string;
  readonly revision: Revision;
  /** What most selections ask for, so that they need not decode the object. */
  readonly labels: Labels;
  /** Where the JSON lies. A view of it costs as much memory as many an object: it is made when somebody looks. */
  #memory: ArrayBufferLike;
  #start: number;
  #size: number;
  #object: WeakRef<AnyObject> | undefined;
  #views: Map<Served, View> | undefined;

  constructor(resource: Resource, key: string, revision: Revision, tail: Uint8Array, known: Known) {
    this.resource = resource;
    this.key = key;
    this.revision = revision;
    this.labels = known.labels;
    this.#memory = tail.buffer;
    this.#start = tail.byteOffset;
    this.#size = tail.byteLength;
    if (known.object) this.#share(known.object);
  }

  get name(): string {
    return this.key.slice(this.key.lastIndexOf("/") + 1);
  }

  /** Empty for objects that are in no namespace. */
  get namespace(): string {
    if (!this.resource.namespaced) return "";
    return this.key.slice(this.resource.range.start.length, this.key.lastIndexOf("/"));
  }

  /** In the stored version, with its resourceVersion. */
  get object(): AnyObject {
    return this.#object?.deref() ?? this.#share(withSharedOwners(JSON.parse(text(this.json(this.resource.stored)))));
  }

  /** The object in one of the versions that its resource is served in. */
  as(served: Served): AnyObject {
    return served === this.resource.stored ? this.object : this.#view(served).object;
  }

  /** Whether the object can be read in a version without waiting for its conversion. */
  isReady(served: Served): boolean {
    return served.mapping?.convert === undefined || this.#views?.has(served) === true;
  }

  /** Notes how the object looks in a version, as its conversion gave it. */
  keep(served: Served, object: AnyObject): void {
    this.#views ??= new Map();
    this.#views.set(served, { object: this.resource.freeze ? deepFreeze(object) : object, tail: undefined });
  }

  /** The object's JSON. */
  json(served: Served): Uint8Array {
    return join(served.head, this.#revisionBytes(), this.tail(served));
  }

  /** The object's JSON as an item of a list, which says kind and version only once. */
  item(served: Served): Uint8Array {
    return join(this.#itemHead(served), this.#revisionBytes(), this.tail(served));
  }

  /** Writes the item at `at`; where it ends, or undefined when there is no room for it. */
  putItem(served: Served, target: Buffer, at: number): number | undefined {
    const head = this.#itemHead(served);
    const revision = this.#revisionText();
    const tail = this.tail(served);
    const middle = at + head.length;
    const end = middle + revision.length + tail.length;
    if (end > target.length) return undefined;
    target.set(head, at);
    target.write(revision, middle, "latin1");
    target.set(tail, middle + revision.length);
    return end;
  }

  #itemHead(served: Served): Uint8Array {
    return this.resource.custom ? served.head : itemHead;
  }

  /** One line of a watch. */
  eventLine(type: string, served: Served): Uint8Array {
    const start = Buffer.from(`{"type":"${type}","object":`);
    return join(start, served.head, this.#revisionBytes(), this.tail(served), lineEnd);
  }

  /** The JSON after `served.head`, without the resourceVersion. */
  tail(served: Served): Uint8Array {
    if (served === this.resource.stored) return this.#tail();
    const view = this.#view(served);
    view.tail ??= encodeTail(served, view.object);
    return view.tail;
  }

  /** The same object as the deletion at `revision` left it. */
  deleted(revision: Revision): Held {
    return new Held(this.resource, this.key, revision, this.#tail(), { labels: this.labels });
  }

  /** Packs the bytes away; they were in a place of their own until now. */
  moveTo(shelf: Shelf): void {
    const place = shelf.keep(this.#tail());
    this.#memory = place.buffer;
    this.#start = place.byteOffset;
  }

  /** Tells the shelf that this state is history; whoever still reads it keeps its bytes alive. */
  leave(shelf: Shelf): void {
    shelf.release(this.#tail());
  }

  /** Whether the bytes lie where most has been given back. */
  isStranded(shelf: Shelf): boolean {
    return shelf.isSparse(this.#tail());
  }

  #tail(): Uint8Array {
    return new Uint8Array(this.#memory, this.#start, this.#size);
  }

  #share(object: AnyObject): AnyObject {
    this.#object = new WeakRef(this.resource.freeze ? deepFreeze(object) : object);
    return object;
  }

  #revisionText(): string {
    return `"resourceVersion":"${this.revision}",`;
  }

  #revisionBytes(): Uint8Array {
    return Buffer.from(this.#revisionText(), "latin1");
  }

  #view(served: Served): View {
    this.#views ??= new Map();
    const known = this.#views.get(served);
    if (known) return known;
    const object = toServed(this.object, served);
    const view: View = { object: this.resource.freeze ? deepFreeze(object) : object, tail: undefined };
    this.#views.set(served, view);
    return view;
  }
}

/** An object of the stored version in the version that is asked for. */
export function toServed(object: AnyObject, served: Served): AnyObject {
  return served.mapping ? (served.mapping.fromStored(object) as AnyObject) : object;
}

/** What is known of an object beside its bytes. */
interface Known {
  readonly labels: Labels;
  /** With its resourceVersion. */
  readonly object?: AnyObject;
}

type Labels = Readonly<Record<string, string>>;

/** An object that was just written or read, as it is held from now on. */
export function hold(resource: Resource, key: string, revision: Revision, object: AnyObject, tail: Uint8Array): Held {
  return new Held(resource, key, revision, tail, { labels: labelsOf(object), object: withRevision(object, revision) });
}

const none: Labels = {};

const labelsOf = ({ metadata: { labels } }: AnyObject): Labels => labels ?? none;

/** What goes into the store: the object's JSON without its resourceVersion. */
export function encodeStored(
  resource: Resource,
  object: AnyObject,
): { readonly bytes: Uint8Array; readonly tail: Uint8Array } {
  const { head } = resource.stored;
  const bytes = Buffer.from(stringify(resource.stored, object));
  return { bytes, tail: bytes.subarray(head.length) };
}

/** Decodes what the store holds. Throws Fault `corrupt`. */
export function decodeStored(resource: Resource, key: string, revision: Revision, bytes: Uint8Array): Held {
  const { stored } = resource;
  let raw: AnyObject;
  try {
    raw = JSON.parse(text(bytes));
  } catch (error) {
    throw new Fault("corrupt", `${key} does not hold an object`, { cause: error });
  }
  if (raw.apiVersion === stored.apiVersion) {
    const today = asToday(resource, raw);
    const tail = today === raw ? bytes.subarray(stored.head.length) : encodeStored(resource, today).tail;
    return hold(resource, key, revision, withSharedOwners(today), tail);
  }
  // Written when another version was the stored one.
  const mapping = resource.versions.get(raw.apiVersion)?.mapping;
  const renamed = { ...(mapping ? mapping.toStored(raw) : raw), apiVersion: stored.apiVersion, kind: stored.kind };
  const object = asToday(resource, renamed);
  return hold(resource, key, revision, object, encodeStored(resource, object).tail);
}

// What wrote it may have known fewer defaults than this server does. One that has them all comes back as it is.
function asToday({ declaration: { fromStore, defaults } }: Resource, object: AnyObject): AnyObject {
  return ((fromStore ?? defaults)?.(object) ?? object) as AnyObject;
}

const text = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();

// Thousands of objects from one template would otherwise each keep a copy of the same sets.
function withSharedOwners(object: AnyObject): AnyObject {
  const { managedFields } = object.metadata;
  if (!managedFields?.length) return object;
  const shared = managedFields.map((owner) => {
    const { fieldsV1 } = owner;
    if (typeof fieldsV1 !== "object" || fieldsV1 === null) return owner;
    return { ...owner, fieldsV1: sharedSet(fieldsV1 as FieldSet) };
  });
  return { ...object, metadata: { ...object.metadata, managedFields: shared } };
}

/** The object with the resourceVersion that the store gave it. */
export function withRevision(object: AnyObject, revision: Revision): AnyObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

function encodeTail(served: Served, object: AnyObject): Uint8Array {
  return Buffer.from(stringify(served, object)).subarray(served.head.length);
}

// The head must come out byte for byte as `Served.head`, so its members are put first and metadata begins with a name.
function stringify(served: Served, object: KubeObject): string {
  const { kind: _kind, apiVersion: _version, metadata, ...rest } = object;
  const { resourceVersion: _revision, managedFields, ...others } = metadata;
  const start = JSON.stringify({ kind: served.kind, apiVersion: served.apiVersion, metadata: others });
  const end = JSON.stringify(rest);
  const owners = managedFields?.length ? `"managedFields":[${managedFields.map(ownerText).join(",")}]` : "";
  const comma = owners && start.endsWith("{}}") ? "" : ",";
  const whole = owners ? `${start.slice(0, -2)}${comma}${owners}}` : start.slice(0, -1);
  return end === "{}" ? `${whole}}` : `${whole},${end.slice(1)}`;
}

// Who owns what is the longest part of many objects' metadata, and the same text in all that are made from one template.
function ownerText({ fieldsV1, ...owner }: NonNullable<AnyObject["metadata"]["managedFields"]>[number]): string {
  if (typeof fieldsV1 !== "object" || fieldsV1 === null) return JSON.stringify({ ...owner, fieldsV1 });
  return `${JSON.stringify(owner).slice(0, -1)},"fieldsV1":${setText(fieldsV1 as FieldSet)}}`;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.byteLength;
  const whole = Buffer.allocUnsafe(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

const itemHead = Buffer.from('{"metadata":{');
const lineEnd = Buffer.from("}\n");
