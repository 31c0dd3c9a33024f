import { Fault } from "../lib/fault.ts";
import { goJson } from "../lib/go-json.ts";
import { changeField, type FieldSpec } from "./field-path.ts";
import {
  annotationFields,
  imageFields,
  labelFields,
  namespaceFields,
  replicaFields,
  templateLabelFields,
} from "./field-tables.ts";
import {
  isClusterScoped,
  isMembers,
  isSameId,
  isSelected,
  kindText,
  type Members,
  type ObjectId,
  textOf,
} from "./identity.ts";
import { renamedImage, withRenamedImages } from "./images.ts";
import type { ImageRule, LabelRule } from "./kustomization.ts";
import {
  allIds,
  currentId,
  metadataOf,
  originalId,
  type Resource,
  remembered,
  withMetadata,
  withObject,
} from "./resource.ts";

type Resources = readonly Resource[];
type Labels = Readonly<Record<string, string>>;

/** Puts everything that can be in a namespace into this one. Throws `invalid` when two become one. */
export function withNamespace(resources: Resources, namespace: string): Resources {
  const moved = resources.map((resource) => withObject(remembered(resource), inNamespace(resource.object, namespace)));
  for (const resource of moved) {
    const id = currentId(resource);
    const same = moved.filter((one) => isSameId(currentId(one), id));
    if (same.length > 1) {
      throw new Fault("invalid", `namespace transformation produces ID conflict: [${same.map(toldWhole).join(" ")}]`);
    }
  }
  return moved;
}

/** An object with the history that upstream keeps in its annotations. */
function toldWhole({ object, previous }: Resource): string {
  const all = (part: (id: ObjectId) => string) => previous.map(part).join(",");
  const history = {
    "internal.config.kubernetes.io/previousKinds": all(({ kind }) => kind),
    "internal.config.kubernetes.io/previousNames": all(({ name }) => name),
    "internal.config.kubernetes.io/previousNamespaces": all(({ namespace }) => namespace || "default"),
  };
  const { annotations } = metadataOf(object);
  return goJson(withMetadata(object, { annotations: { ...(annotations as Labels | undefined), ...history } }));
}

function inNamespace(object: Members, namespace: string): Members {
  const id = currentId({ object } as Resource);
  const change = { set: () => namespace, empty: "" };
  const moved = isClusterScoped(id) ? object : withMetadata(object, { namespace });
  const bound =
    id.kind === "RoleBinding" || id.kind === "ClusterRoleBinding" ? withDefaultSubject(moved, namespace) : moved;
  return namespaceFields.reduce((made, field) => changeField(made, id, field, change), bound);
}

/** Of a binding's subjects only the account that every namespace has is surely one of this namespace. */
function withDefaultSubject(object: Members, namespace: string): Members {
  if (!Array.isArray(object.subjects)) return object;
  const subjects = object.subjects.map((subject: unknown) =>
    isMembers(subject) && subject.name === "default" ? { ...subject, namespace } : subject,
  );
  return { ...object, subjects };
}

const unnamed: readonly (readonly [group: string, kind: string])[] = [
  ["apiextensions.k8s.io", "CustomResourceDefinition"],
  ["apiregistration.k8s.io", "APIService"],
  ["", "Namespace"],
];

/** Puts a text before or behind the names of what may have another name. */
export function withAffix(
  resources: Resources,
  affix: { readonly prefix?: string; readonly suffix?: string },
): Resources {
  const { prefix, suffix } = affix;
  const text = prefix ?? suffix ?? "";
  return resources.map((resource) => {
    const id = originalId(resource);
    if (unnamed.some(([group, kind]) => kind === id.kind && (group === "" || group === id.group))) return resource;
    const kept = text === "" ? resource : remembered(resource);
    const { name } = metadataOf(resource.object);
    return {
      ...kept,
      ...(prefix === undefined
        ? { suffixes: [...resource.suffixes, text] }
        : { prefixes: [...resource.prefixes, text] }),
      object: text === "" ? kept.object : withMetadata(kept.object, { name: `${prefix ?? ""}${name}${suffix ?? ""}` }),
    };
  });
}

/** Sets labels: on objects alone, with their templates, or wherever labels are asked for. */
export function withLabels(resources: Resources, rule: LabelRule): Resources {
  const own = rule.fields ?? [];
  const fields = rule.includeSelectors
    ? [...own, ...labelFields]
    : [...own, ...(rule.includeTemplates ? templateLabelFields : [{ path: "metadata/labels", create: true }])];
  return withPairs(resources, rule.pairs ?? {}, fields);
}

/** Sets annotations on objects and their templates. */
export const withAnnotations = (resources: Resources, annotations: Labels): Resources =>
  withPairs(resources, annotations, annotationFields);

function withPairs(resources: Resources, pairs: Labels, fields: readonly FieldSpec[]): Resources {
  if (Object.keys(pairs).length === 0) return resources;
  const set = (value: unknown) => {
    if (!isMembers(value)) throw new Fault("invalid", "wrong node kind: expected MappingNode");
    return { ...value, ...pairs };
  };
  return changedFields(resources, fields, { set, empty: {} });
}

function changedFields(
  resources: Resources,
  fields: readonly FieldSpec[],
  change: { readonly set: (value: unknown) => unknown; readonly empty?: unknown },
): Resources {
  return resources.map((resource) => {
    const id = currentId(resource);
    return withObject(
      resource,
      fields.reduce((object, field) => changeField(object, id, field, change), resource.object),
    );
  });
}

/** Gives containers that have an image another name, tag or digest of it. */
export function withImages(resources: Resources, rules: readonly ImageRule[]): Resources {
  return rules.reduce<Resources>((all, rule) => {
    const anywhere = all.map((resource) => withObject(resource, withRenamedImages(resource.object, rule)));
    return anywhere.map((resource) => {
      // What is called containers in a definition are none.
      if (resource.object.kind === "CustomResourceDefinition") return resource;
      const set = (value: unknown) => (typeof value === "string" ? renamedImage(value, rule) : value);
      return changedFields([resource], imageFields, { set })[0] ?? resource;
    });
  }, resources);
}

/** Sets how many pods what has this name is to have. Throws `invalid` when nothing has it. */
export function withReplicas(
  resources: Resources,
  { name = "", count = 0 }: { readonly name?: string; readonly count?: number },
): Resources {
  let found = false;
  const changed = resources.map((resource) => {
    const id = currentId(resource);
    const fields = replicaFields.filter((field) =>
      allIds(resource).some((each) => each.name === name && isSelected(each, field)),
    );
    found ||= fields.length > 0;
    const change = { set: () => count, empty: 0 };
    return withObject(
      resource,
      fields.reduce((object, field) => changeField(object, id, field, change), resource.object),
    );
  });
  if (!found) {
    const kinds = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"];
    const told = kinds.map((kind) => kindText({ group: "", version: "", kind })).join(" ");
    throw new Fault(
      "invalid",
      `resource with name ${textOf(name)} does not match a config with the following GVK [${told}]`,
    );
  }
  return changed;
}
