import { createHash } from "node:crypto";
import { kubernetesVersion } from "../../../../cluster/version.ts";
import { errorMessage } from "../../../../lib/fault.ts";
import { goQuote } from "../../../../lib/go-text.ts";
import { isStatus } from "../../../../machinery/status-error.ts";
import { CommandError, ConnectionError, throwAll } from "../../messages.ts";
import { goJson } from "../../output/json.ts";
import type { Query } from "../../resources/api.ts";
import type { ApiResource } from "../../resources/discovery.ts";
import { type AnyObject, itemsOf, pathOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";

/** The object that says what belongs to a set (KEP-3659). */
export interface ParentRef {
  readonly resource: ApiResource;
  readonly name: string;
  /** Empty for a parent of no namespace, and where none was asked for by flag. */
  readonly namespace: string;
}

/** Where the members of a set are looked for. */
export interface Extent {
  /** By `kindName`. */
  readonly kinds: ReadonlyMap<string, ApiResource>;
  readonly namespaces: ReadonlySet<string>;
}

const prefix = "applyset.kubernetes.io/";
const idLabel = `${prefix}id`;
const toolingAnnotation = `${prefix}tooling`;
const kindsAnnotation = `${prefix}contains-group-kinds`;
const namespacesAnnotation = `${prefix}additional-namespaces`;
/** What 1.27 wrote in the place of kinds. */
const resourcesAnnotation = `${prefix}contains-group-resources`;
const parentTypeLabel = `${prefix}is-parent-type`;

const tool = "kubectl";

/** Types that may be parents without being labelled, in the core group. */
const builtIn = ["secrets", "configmaps"];

/** Reads `[TYPE[.GROUP]/]NAME`. Throws CommandError. */
export async function parentRefOf(session: Session, written: string): Promise<ParentRef> {
  const bad = (why: string) => new CommandError(`invalid parent reference ${goQuote(written)}: ${why}`);
  const [, type = "secrets", name = ""] = /^(?:([^/]*)\/)?(.*)$/s.exec(written) ?? [];
  if (name === "") throw bad("name cannot be blank");
  const resource = await resourceNamed(session, type);
  if (typeof resource === "string") throw bad(resource);
  // A namespace that only the kubeconfig names does not count: the set must not change with the context.
  const { namespace, namespaceGiven } = session.access;
  return { resource, name, namespace: resource.namespaced && namespaceGiven ? namespace : "" };
}

/** What the parent's label has, and the label of each member. */
export function setId({ name, namespace, resource }: ParentRef): string {
  const hash = createHash("sha256").update([name, namespace, resource.kind, resource.group].join("."));
  return `applyset-${hash.digest("base64url")}-v1`;
}

/** `Deployment.apps`, `ConfigMap` */
export const kindName = ({ kind, group }: ApiResource): string => (group ? `${kind}.${group}` : kind);

/** Refuses what cannot be a parent. Throws CommandError, AggregateError. */
export async function checkParent(session: Session, { resource, namespace }: ParentRef): Promise<void> {
  const errors: CommandError[] = [];
  if (resource.namespaced && namespace === "") {
    errors.push(new CommandError("namespace is required to use namespace-scoped ApplySet"));
  }
  if (!isBuiltIn(resource)) {
    const allowed = await during("identifying allowed custom resource parent types", () => parentTypes(session)).catch(
      (error: CommandError) => error,
    );
    if (allowed instanceof CommandError) errors.push(allowed);
    if (allowed instanceof CommandError || !allowed.includes(`${resource.plural}.${resource.group}`)) {
      const { group, version, plural } = resource;
      const type = goQuote(`${group}/${version}, Resource=${plural}`);
      errors.push(new CommandError(`resource ${type} is not permitted as an ApplySet parent`));
    }
  }
  throwAll(errors);
}

/** What the parent says of its set; of one that is not there yet, nothing. Throws CommandError for one that is no parent. */
export async function readParent(session: Session, parent: ParentRef): Promise<Extent> {
  const called = goQuote(`${parent.resource.plural}.${parent.resource.group}/${parent.name}`);
  const found = await during(`failed to fetch ApplySet parent object ${called}`, () => fetchParent(session, parent));
  if (!found) {
    if (isBuiltIn(parent.resource)) return { kinds: new Map(), namespaces: new Set() };
    throw new CommandError("custom resource ApplySet parents cannot be created automatically");
  }
  const annotations = found.metadata.annotations ?? {};
  const tooling = annotations[toolingAnnotation];
  const exists = `ApplySet parent object ${called} already exists and is`;
  if (tooling === undefined) {
    throw new CommandError(`${exists} missing required annotation ${goQuote(toolingAnnotation)}`);
  }
  const managedBy = tooling.replace(/\/[^/]*$/, "");
  if (managedBy !== tool) {
    throw new CommandError(`${exists} managed by tooling ${goQuote(managedBy)} instead of ${goQuote(tool)}`);
  }
  const id = found.metadata.labels?.[idLabel];
  const wanted = setId(parent);
  if (id === undefined) {
    throw new CommandError(`ApplySet parent object ${called} exists and does not have required label ${idLabel}`);
  }
  if (id !== wanted) {
    throw new CommandError(
      `ApplySet parent object ${called} exists and has incorrect value for label ${goQuote(idLabel)} (got: ${id}, want: ${wanted})`,
    );
  }
  const kinds = await during(`parsing ApplySet annotation on ${called}`, () => kindsIn(session, annotations));
  const others = listed(annotations[namespacesAnnotation] ?? "");
  return {
    kinds: new Map(kinds.map((kind) => [kindName(kind), kind])),
    namespaces: new Set([...others, ...(parent.namespace ? [parent.namespace] : [])]),
  };
}

/** Writes to the parent where members are; makes the parent where there is none. Throws CommandError. */
export async function writeParent(session: Session, parent: ParentRef, extent: Extent, query: Query): Promise<void> {
  const { resource, name, namespace } = parent;
  const manager = `${tool}-applyset`;
  const body = {
    apiVersion: resource.group ? `${resource.group}/${resource.version}` : resource.version,
    kind: resource.kind,
    metadata: {
      name,
      ...(namespace ? { namespace } : {}),
      annotations: {
        [toolingAnnotation]: `${tool}/${kubernetesVersion}`,
        [kindsAnnotation]: [...extent.kinds.keys()].sort().join(","),
        [namespacesAnnotation]: [...extent.namespaces]
          .filter((one) => one !== namespace)
          .sort()
          .join(","),
      },
      labels: { [idLabel]: setId(parent) },
    },
  };
  const send = (force: boolean) =>
    session.api.call({
      method: "PATCH",
      path: pathOf(resource, parent),
      query: { ...query, fieldManager: manager, force },
      contentType: "application/apply-patch+yaml",
      body: new TextEncoder().encode(goJson(body)),
    });
  await during("failed to update ApplySet", async () => {
    try {
      await send(false);
    } catch (error) {
      if (!isStatus(error, "Conflict")) throw error;
      session.log(
        "W",
        `WARNING: failed to update ApplySet: ${error.message}\nApplySet field manager ${manager} should own these fields. Retrying with conflicts forced.`,
      );
      await send(true);
    }
  });
}

/** Does something of which errors say what it was: `failed to update ApplySet: ...`. Throws CommandError. */
export async function during<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const why = error instanceof ConnectionError ? error.detail : errorMessage(error);
    throw new CommandError(`${what}: ${why}`);
  }
}

const isBuiltIn = ({ group, version, plural }: ApiResource) =>
  group === "" && version === "v1" && builtIn.includes(plural);

const listed = (text: string): readonly string[] => (text === "" ? [] : text.split(","));

/** The type of a name with or without its group, or why there is none. */
async function resourceNamed(session: Session, type: string): Promise<ApiResource | string> {
  const [plural, group] = halves(type);
  if (plural === "") return `a resource must be present, got: ${group}/, Resource=`;
  const found = await (await session.mapper()).groupResource(plural, group);
  return found ?? `no matches for ${group}/, Resource=${plural}`;
}

/** What stands before the first dot, and what behind. */
function halves(text: string): readonly [string, string] {
  const at = text.indexOf(".");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** The names of the definitions whose resources may be parents. */
async function parentTypes(session: Session): Promise<readonly string[]> {
  const list = await session.api.call<AnyObject>({
    path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    query: { labelSelector: parentTypeLabel },
  });
  return itemsOf(list).map(({ metadata }) => metadata.name ?? "");
}

async function fetchParent(session: Session, parent: ParentRef): Promise<AnyObject | undefined> {
  try {
    return await session.api.call<AnyObject>({ path: pathOf(parent.resource, parent) });
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

async function kindsIn(
  session: Session,
  annotations: Readonly<Record<string, string>>,
): Promise<readonly ApiResource[]> {
  const { [kindsAnnotation]: kinds, [resourcesAnnotation]: resources = "" } = annotations;
  if (kinds === undefined && resources === "") {
    throw new CommandError(
      `kubectl requires the ${goQuote(kindsAnnotation)} annotation to be set on all ApplySet parent objects`,
    );
  }
  const found: ApiResource[] = [];
  for (const name of listed(kinds ?? resources)) {
    const resource = kinds === undefined ? await resourceNamed(session, name) : await resourceOfKind(session, name);
    if (typeof resource !== "string") found.push(resource);
    else if (kinds === undefined) {
      throw new CommandError(`invalid group resource in ${goQuote(resourcesAnnotation)} annotation: ${resource}`);
    } else
      throw new CommandError(`could not find mapping for kind in ${goQuote(kindsAnnotation)} annotation: ${resource}`);
  }
  return found;
}

/** The type of a `kindName`, or why there is none. */
async function resourceOfKind(session: Session, name: string): Promise<ApiResource | string> {
  const [kind, group] = halves(name);
  const found = await (await session.mapper()).groupKind(group, kind);
  return found ?? `no matches for kind ${goQuote(kind)} in group ${goQuote(group)}`;
}
