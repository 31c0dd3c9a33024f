import { errorMessage, Fault } from "../lib/fault.ts";
import { encodeYaml } from "../machinery/codec-yaml.ts";
import { changeField, type FieldSpec } from "./field-path.ts";
import {
  effectiveNamespace,
  idText,
  isClusterScoped,
  isMembers,
  isSelected,
  type Members,
  textOf,
} from "./identity.ts";
import { type NameReference, nameReferences } from "./name-reference-fields.ts";
import { currentId, metadataOf, originalId, type Resource, withObject } from "./resource.ts";

/** Writes the names that objects have now wherever another object names them as they were. Throws `invalid`. */
export function withReferences(all: readonly Resource[]): readonly Resource[] {
  return all.map((referrer) => {
    const known = all.filter((one) => isWithinReach(referrer, one));
    const origin = originalId(referrer);
    let object = referrer.object;
    for (const reference of nameReferences) {
      for (const field of reference.fields) {
        if (!isSelected(origin, field)) continue;
        const names = new Names({ referrer, field, reference, candidates: known });
        object = named(object, referrer, field, names);
      }
    }
    return withObject(referrer, object);
  });
}

function named(object: Members, referrer: Resource, { path }: FieldSpec, names: Names): Members {
  try {
    return changeField(object, currentId(referrer), { path }, { set: (value) => names.rewritten(value) });
  } catch (error) {
    const id = idText(currentId(referrer));
    throw new Fault("invalid", `updating name reference in '${path}' field of '${id}': ${errorMessage(error)}`);
  }
}

/** Objects of other namespaces are named by nobody but the cluster's own objects and bindings. */
function isWithinReach(referrer: Resource, other: Resource): boolean {
  const [from, to] = [currentId(referrer), currentId(other)];
  if (isClusterScoped(from) || isClusterScoped(to)) return true;
  if (effectiveNamespace(from) === effectiveNamespace(to)) return true;
  if (from.kind !== "RoleBinding" || !Array.isArray(referrer.object.subjects)) return false;
  return referrer.object.subjects.some(
    (subject) => isMembers(subject) && subject.kind === "ServiceAccount" && subject.namespace === to.namespace,
  );
}

/** What the names in one field of one object have become. */
class Names {
  readonly #referrer: Resource;
  readonly #field: FieldSpec;
  readonly #reference: NameReference;
  readonly #candidates: readonly Resource[];

  constructor(of: {
    readonly referrer: Resource;
    readonly field: FieldSpec;
    readonly reference: NameReference;
    readonly candidates: readonly Resource[];
  }) {
    this.#referrer = of.referrer;
    this.#field = of.field;
    this.#reference = of.reference;
    this.#candidates = of.candidates;
  }

  /** A name, an object that has one beside its namespace, or a list of either. */
  rewritten(value: unknown): unknown {
    if (value === null || value === undefined) return value;
    if (Array.isArray(value)) return value.map((item) => this.rewritten(item));
    if (!isMembers(value)) return this.#name(value);
    if (value.name === undefined) throw new Fault("invalid", "path config error; no 'name' field in node");
    const target = this.#target(textOf(value.name), this.#inNamespaceOf(value), sameNameAndNamespace);
    if (!target) return value;
    const { name, namespace } = metadataOf(target.object);
    return { ...value, name, ...(namespace ? { namespace } : {}) };
  }

  #name(value: unknown): unknown {
    if (typeof value !== "string") return value;
    const target = this.#target(value, this.#candidates, sameName);
    return target ? metadataOf(target.object).name : value;
  }

  #inNamespaceOf(value: Members): readonly Resource[] {
    if (value.namespace === undefined) return this.#candidates;
    const namespace = textOf(value.namespace);
    const among = (space: (one: Resource) => string) => this.#candidates.filter((one) => space(one) === namespace);
    const before = among((one) => effectiveNamespace(originalId(one)));
    return before.length > 0 ? before : among((one) => effectiveNamespace(currentId(one)));
  }

  #target(
    name: string,
    candidates: readonly Resource[],
    alike: (a: Resource, b: Resource) => boolean,
  ): Resource | undefined {
    const role = this.#roleReference();
    const from = currentId(this.#referrer);
    const fitting = candidates.filter((one) => {
      if (!one.previous.some((id) => id.name === name)) return false;
      if (!one.previous.some((id) => isSelected(id, this.#reference))) return false;
      if (role && !one.previous.some((id) => isSelected(id, role))) return false;
      const to = currentId(one);
      const free = isClusterScoped(from) || isClusterScoped(to) || to.kind === "ServiceAccount";
      return free || effectiveNamespace(from) === effectiveNamespace(to);
    });
    if (fitting.length === 1) return fitting[0];
    const closest = fitting.filter((one) => hasSameAffixes(one, this.#referrer));
    const [first] = closest;
    if (!first || closest.every((one) => alike(first, one))) return first;
    const ids = closest.map((one) => idText(currentId(one))).join(", ");
    const texts = closest.map((one, at) => `--- possible referral ${at}:\n${encodeYaml(one.object)}\n`).join("");
    throw new Fault(
      "invalid",
      ` found multiple possible referrals: ${ids}\n\n**** Too many possible referral targets to referrer:\n${encodeYaml(this.#referrer.object)}\n${texts}`,
    );
  }

  /** A binding says beside the name whether it means a role of the namespace or of the cluster. */
  #roleReference(): { readonly group: string; readonly kind: string } | undefined {
    if (!this.#field.path.endsWith("roleRef/name")) return undefined;
    const { roleRef } = this.#referrer.object;
    if (!isMembers(roleRef) || roleRef.apiGroup === undefined || roleRef.kind === undefined) return undefined;
    return { group: textOf(roleRef.apiGroup), kind: textOf(roleRef.kind) };
  }
}

const sameName = (a: Resource, b: Resource) => currentId(a).name === currentId(b).name;
const sameNameAndNamespace = (a: Resource, b: Resource) =>
  sameName(a, b) && currentId(a).namespace === currentId(b).namespace;

/** Two that went the same way at the end belong to the same kustomization. */
const hasSameAffixes = (a: Resource, b: Resource) =>
  endsAlike(a.prefixes, b.prefixes) && endsAlike(a.suffixes, b.suffixes);

function endsAlike(a: readonly string[], b: readonly string[]): boolean {
  const length = Math.min(a.length, b.length);
  return length === 0 || a.slice(-length).join("\0") === b.slice(-length).join("\0");
}
