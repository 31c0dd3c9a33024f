import type { Resource, Served } from "../../registry/resource.ts";
import { scaleKindOf } from "../subresources/scale-kind.ts";
import type { Dialect, Schema, SchemaBook } from "./schemas.ts";

interface Action {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  readonly action: string;
  readonly verb: string;
}

const collectionActions: readonly Action[] = [
  { method: "get", action: "list", verb: "list" },
  { method: "post", action: "post", verb: "create" },
  { method: "delete", action: "deletecollection", verb: "deletecollection" },
];

const objectActions: readonly Action[] = [
  { method: "get", action: "get", verb: "get" },
  { method: "put", action: "put", verb: "update" },
  { method: "patch", action: "patch", verb: "patch" },
  { method: "delete", action: "delete", verb: "delete" },
];

const partActions = objectActions.filter(({ verb }) => verb !== "delete");

/** The paths of one version of a resource, with what can be done there. */
export function pathsOf(
  resource: Resource,
  served: Served,
  book: SchemaBook,
  dialect: Dialect,
): Record<string, Schema> {
  const { group, version, kind, type, listKind } = served;
  const gvk = { group, kind, version };
  const whole = served.verbs.length > 0; // else nobody speaks of the object, only of its subresources
  const object = whole ? book.add(type, { "x-kubernetes-group-version-kind": [gvk] }) : "";
  const list = object.slice(0, object.length - kind.length) + listKind;
  const listSchema = () => ({
    type: "object",
    required: ["items"],
    properties: {
      apiVersion: { type: "string" },
      items: { type: "array", items: book.ref(object) },
      kind: { type: "string" },
      metadata: book.ref("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"),
    },
    "x-kubernetes-group-version-kind": [{ group, kind: listKind, version }],
  });
  if (whole) book.put(list, listSchema());
  const root = group ? `/apis/${group}/${version}` : `/api/${version}`;
  const space = resource.namespaced ? `${root}/namespaces/{namespace}` : root;
  const collection = `${space}/${served.plural}`;
  const context = { book, dialect, gvk, object, list, custom: resource.custom };
  const paths: Record<string, Schema> = {};
  const put = (path: string, actions: readonly Action[], everywhere = false) => {
    const offered = actions.filter(({ verb }) => served.verbs.some((one) => one === verb));
    if (offered.length > 0) paths[path] = pathItem(path, offered, { ...context, everywhere });
  };
  put(collection, collectionActions);
  if (resource.namespaced) put(`${root}/${served.plural}`, collectionActions.slice(0, 1), true);
  put(`${collection}/{name}`, objectActions);
  if (served.subresources.has("status")) put(`${collection}/{name}/status`, partActions);
  if (served.subresources.has("scale")) {
    const scale = scaleKindOf(served);
    const of = { group: scale.group, kind: scale.kind, version: scale.version };
    const name = book.add(scale.type, { "x-kubernetes-group-version-kind": [of] });
    const path = `${collection}/{name}/scale`;
    paths[path] = pathItem(path, partActions, { ...context, gvk: of, object: name, everywhere: false });
  }
  return paths;
}

interface Context {
  readonly book: SchemaBook;
  readonly dialect: Dialect;
  readonly gvk: { readonly group: string; readonly kind: string; readonly version: string };
  readonly object: string;
  readonly list: string;
  readonly custom: boolean;
  /** The list of a namespaced kind over all namespaces. */
  readonly everywhere: boolean;
}

function pathItem(path: string, actions: readonly Action[], context: Context): Schema {
  const parameters = ["namespace", "name"].filter((name) => path.includes(`{${name}}`));
  const item: Record<string, unknown> = {
    parameters: parameters.map((name) => parameter(name, "path", "string", context.dialect, true)),
  };
  for (const action of actions) item[action.method] = operation(path, action, context);
  return item;
}

const writes = new Set(["post", "put", "patch"]);
const bodyTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];

/** What only kinds with a type of their own can be written in. */
const builtInTypes = new Set(["application/vnd.kubernetes.protobuf", "application/strategic-merge-patch+json"]);

function operation(path: string, { method, action }: Action, context: Context): Schema {
  const { book, dialect, gvk, object, list, custom } = context;
  const fits = (type: string) => !custom || !builtInTypes.has(type);
  const answer = book.ref(action === "list" ? list : action.startsWith("delete") ? statusName : object);
  const code = method === "post" ? "201" : "200";
  const id = operationId(path, action, context);
  const body = writes.has(method) ? book.ref(method === "patch" ? patchName : object) : undefined;
  const content = method === "patch" ? patchTypes.filter(fits) : bodyTypes.filter(fits);
  const parameters: Schema[] = writes.has(method)
    ? ["dryRun", "fieldManager", "fieldValidation"].map((name) => parameter(name, "query", "string", dialect))
    : [];
  const responses =
    dialect === "v3"
      ? { [code]: { description: "OK", content: { "application/json": { schema: answer } } } }
      : { [code]: { description: "OK", schema: answer } };
  const v2Body = body && dialect === "v2" ? [{ name: "body", in: "body", required: true, schema: body }] : [];
  const v3Body =
    body && dialect === "v3"
      ? {
          requestBody: { content: Object.fromEntries(content.map((type) => [type, { schema: body }])), required: true },
        }
      : {};
  return {
    operationId: id,
    ...(dialect === "v2" ? { consumes: body ? content : ["*/*"], produces: bodyTypes.filter(fits) } : {}),
    parameters: [...v2Body, ...parameters],
    ...v3Body,
    responses,
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk,
  };
}

const idVerbs: Readonly<Record<string, string>> = {
  list: "list",
  post: "create",
  deletecollection: "delete",
  get: "read",
  put: "replace",
  patch: "patch",
  delete: "delete",
};

// As upstream names them, since client generators make method names of these.
function operationId(path: string, action: string, { gvk, everywhere }: Context): string {
  const { group, kind, version } = gvk;
  const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
  const words = (group || "core")
    .replace(/\.k8s\.io$/, "")
    .split(".")
    .map(capital)
    .join("");
  const namespaced = path.includes("{namespace}");
  const [, part = ""] = /\{name\}\/(\w+)$/.exec(path) ?? [];
  const collection = action === "deletecollection" ? "Collection" : "";
  return `${idVerbs[action]}${words}${capital(version)}${collection}${namespaced ? "Namespaced" : ""}${kind}${capital(part)}${everywhere ? "ForAllNamespaces" : ""}`;
}

const statusName = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
const patchName = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";

function parameter(name: string, where: string, type: string, dialect: Dialect, required = false): Schema {
  const common = { name, in: where, ...(required ? { required } : {}) };
  return dialect === "v3" ? { ...common, schema: { type, uniqueItems: true } } : { ...common, type, uniqueItems: true };
}
