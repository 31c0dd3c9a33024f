import { errorMessage } from "../../../lib/fault.ts";
import { goQuote } from "../../../lib/go-text.ts";
import { isStatus, StatusError } from "../../../machinery/status-error.ts";
import { CommandError, throwAll } from "../messages.ts";
import type { Session } from "../session.ts";
import type { ApiCall } from "./api.ts";
import { readArguments, resourcesOf } from "./arguments.ts";
import type { ApiResource } from "./discovery.ts";
import { readManifests } from "./manifests.ts";
import { type AnyObject, pathOf, type ResourceInfo } from "./resource-info.ts";

/** What a command line says about the objects that it means. */
export interface SelectionOptions {
  readonly args: readonly string[];
  readonly filenames?: readonly string[];
  readonly recursive?: boolean;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly allNamespaces?: boolean;
  /** Every object of the types. */
  readonly all?: boolean;
  /** A type alone means all its objects, as `get pods`. */
  readonly typeMeansAll?: boolean;
  /** Objects per call of a long list; 0 is all at once. */
  readonly chunkSize?: number;
  /** Objects of files are fetched as the server has them. */
  readonly latest?: boolean;
  /** Objects of files are taken as they are: no server is asked about their types, no namespace is put in. */
  readonly local?: boolean;
  /** What objects of the server are asked for as; default: `application/json`. */
  readonly accept?: string;
  readonly subresource?: string;
  /** Whether tables bring the objects of their rows along. */
  readonly includeObject?: "Object" | "None";
  /** The revision of the moment that objects are shown as of; default: now. */
  readonly revision?: string;
  /** Manifests are checked before they are read: messages about what they lack are others then. */
  readonly validated?: boolean;
  /** The first object of a file that cannot be used ends the reading. */
  readonly stopOnError?: boolean;
  /** What is said when the command line names nothing. */
  readonly nothingNamed?: string;
}

/** Objects that are asked for by name. */
export interface NamedTarget {
  readonly form: "named";
  readonly resource: ApiResource;
  readonly namespace: string;
  readonly name: string;
}

/** All objects of a type, or those that selectors pick. */
export interface ListTarget {
  readonly form: "list";
  readonly resource: ApiResource;
  /** Empty: all namespaces, or none. */
  readonly namespace: string;
}

/** An object of a file. */
export interface ManifestTarget {
  readonly form: "manifest";
  readonly resource: ApiResource;
  readonly namespace: string;
  readonly name: string;
  readonly source: string;
  readonly object: AnyObject;
}

export type Target = NamedTarget | ListTarget | ManifestTarget;

/** What a command line means, before anything is fetched. */
export interface Targets {
  readonly targets: readonly Target[];
  /** What could not be made sense of while the rest could. */
  readonly errors: readonly unknown[];
  /** One object by its name: it is printed by itself, not as a list. */
  readonly single: boolean;
}

const nothing =
  "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";

/** Finds out what a command line means. Throws CommandError, NoResourceMatch. */
export async function targetsOf(session: Session, options: SelectionOptions): Promise<Targets> {
  const { args, filenames = [] } = options;
  const { pairs, types, names } = await readArguments(args, () => session.mapper());
  if (filenames.length > 0) {
    if (types.length > 0 || names.length > 0) {
      throw new CommandError(
        "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well",
      );
    }
    if (pairs.length > 0) throw new CommandError("resource/name arguments cannot be provided when a path is specified");
    return await manifestTargets(session, options);
  }
  const bySelector =
    Boolean(options.labelSelector) ||
    Boolean(options.fieldSelector) ||
    options.all ||
    (options.typeMeansAll && types.length > 0 && names.length === 0);
  if (bySelector) {
    if (names.length > 0) throw new CommandError("name cannot be provided when a selector is specified");
    if (pairs.length > 0) {
      throw new CommandError("selectors and the all flag cannot be used when passing resource/name arguments");
    }
    if (types.length === 0) throw new CommandError("at least one resource must be specified to use a selector");
    const resources = await resourcesOf(types, await session.mapper());
    const namespace = (resource: ApiResource) =>
      resource.namespaced && !options.allNamespaces ? session.access.namespace : "";
    return {
      targets: resources.map((resource) => ({ form: "list", resource, namespace: namespace(resource) })),
      errors: [],
      single: false,
    };
  }
  if (pairs.length > 0) {
    const mapper = await session.mapper();
    const targets: Target[] = [];
    for (const { type, name } of pairs) targets.push(named(session, await mapper.resource(type), name, options));
    return { targets, errors: [], single: pairs.length === 1 };
  }
  if (names.length > 0) {
    const resources = await resourcesOf(types, await session.mapper());
    return {
      targets: resources.flatMap((resource) => names.map((name) => named(session, resource, name, options))),
      errors: [],
      single: resources.length === 1 && names.length === 1,
    };
  }
  if (types.length > 0) {
    await resourcesOf(types, await session.mapper());
    throw new CommandError("resource(s) were provided, but no name was specified");
  }
  throw new CommandError(options.nothingNamed ?? nothing);
}

function named(session: Session, resource: ApiResource, name: string, options: SelectionOptions): NamedTarget {
  if (resource.namespaced && options.allNamespaces) {
    throw new CommandError("a resource cannot be retrieved by name across all namespaces");
  }
  return { form: "named", resource, name, namespace: resource.namespaced ? session.access.namespace : "" };
}

/** The objects of files, one after the other; an error in the place of one that cannot be used. */
export async function* manifestTargetsOf(
  session: Session,
  options: Pick<SelectionOptions, "filenames" | "recursive" | "validated" | "local">,
): AsyncGenerator<ManifestTarget | Error> {
  const { namespace, namespaceGiven } = options.local ? { namespace: "", namespaceGiven: false } : session.access;
  const read = readManifests(options.filenames ?? [], {
    recursive: options.recursive ?? false,
    validated: options.validated ?? false,
    host: session.host,
  });
  for await (const manifest of read) {
    if (manifest instanceof Error) {
      yield manifest;
      continue;
    }
    const { object, source } = manifest;
    const name = object.metadata.name ?? "";
    if (options.local) {
      yield {
        form: "manifest",
        resource: unasked(object),
        namespace: object.metadata.namespace ?? "",
        name,
        source,
        object,
      };
      continue;
    }
    const resource = await (await session.mapper()).kind(object.apiVersion, object.kind);
    if (!resource) {
      yield new CommandError(
        `resource mapping not found for name: ${goQuote(name)} namespace: ${goQuote(object.metadata.namespace ?? "")} from ${goQuote(source)}: no matches for kind ${goQuote(object.kind)} in version ${goQuote(object.apiVersion)}\nensure CRDs are installed first`,
      );
      continue;
    }
    if (!resource.namespaced) {
      yield { form: "manifest", resource, namespace: "", name, source, object };
      continue;
    }
    const own = object.metadata.namespace;
    if (own && namespaceGiven && own !== namespace) {
      yield new CommandError(
        `the namespace from the provided object ${goQuote(own)} does not match the namespace ${goQuote(namespace)}. You must pass '--namespace=${own}' to perform this operation.`,
      );
      continue;
    }
    const inNamespace = own ? object : { ...object, metadata: { ...object.metadata, namespace } };
    yield { form: "manifest", resource, namespace: own || namespace, name, source, object: inNamespace };
  }
}

/** What can be said of a type without asking a server. */
function unasked({ apiVersion, kind }: AnyObject): ApiResource {
  const [group = "", version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  const singular = kind.toLowerCase();
  const names = { plural: `${singular}s`, singular, shortNames: [], categories: [], verbs: [], subresources: [] };
  return { group, version: version ?? "", kind, namespaced: false, ...names };
}

async function manifestTargets(session: Session, options: SelectionOptions): Promise<Targets> {
  const targets: ManifestTarget[] = [];
  const errors: unknown[] = [];
  for await (const target of manifestTargetsOf(session, options)) {
    if (!(target instanceof Error)) targets.push(target);
    else if (options.stopOnError) throw target;
    else errors.push(target);
  }
  return { targets, errors, single: targets.length === 1 && (options.filenames ?? []).length === 1 };
}

/** What a target's calls answered: one object, or a list's pages. */
export interface Fetched {
  readonly target: Target;
  /** An object, or a list or table as the server gave it; a manifest's own object unless `latest`. */
  readonly object: AnyObject;
}

/** Fetches what targets mean, page by page; an error in the place of what cannot be had. */
export async function* fetchTargets(
  session: Session,
  { targets }: Targets,
  options: SelectionOptions,
): AsyncGenerator<Fetched | { readonly target: Target; readonly error: unknown }> {
  for (const target of targets) {
    try {
      if (target.form === "list") {
        for await (const object of listPages(session, target, options)) yield { target, object };
      } else if (target.form === "manifest" && !options.latest) yield { target, object: target.object };
      else if (options.revision) {
        const { objectAt } = await import("./moment.ts");
        yield { target, object: await objectAt(session, target, { ...options, revision: options.revision }) };
      } else {
        const path = pathOf(target.resource, target, options.subresource);
        const query = { includeObject: options.includeObject };
        yield { target, object: await session.api.call<AnyObject>({ path, query, accept: options.accept }) };
      }
    } catch (error) {
      if (isFatal(error)) throw error;
      yield { target, error };
    }
  }
}

/** Without a connection there is no point in asking for the others. */
const isFatal = (error: unknown) => !(error instanceof StatusError) && !(error instanceof CommandError);

async function* listPages(session: Session, target: ListTarget, options: SelectionOptions): AsyncGenerator<AnyObject> {
  const { chunkSize = 0, revision } = options;
  const { exactly } = revision ? await import("./moment.ts") : {};
  let token = "";
  do {
    const page = await callList(session, target, options, {
      path: pathOf(target.resource, { namespace: target.namespace }),
      accept: options.accept,
      query: {
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
        limit: chunkSize > 0 ? chunkSize : undefined,
        continue: token,
        includeObject: options.includeObject,
        ...(revision && token === "" ? exactly?.(revision) : {}),
      },
    });
    yield page;
    token = String(page.metadata?.continue ?? "");
  } while (token !== "");
}

/** A refusal that the selectors may have caused names them. */
async function callList(
  session: Session,
  { resource }: ListTarget,
  options: SelectionOptions,
  call: ApiCall,
): Promise<AnyObject> {
  try {
    return await session.api.call<AnyObject>(call);
  } catch (error) {
    if (!isStatus(error, "BadRequest", "NotFound")) throw error;
    const { group, version, plural } = resource;
    const { labelSelector = "", fieldSelector = "" } = options;
    const type = goQuote(`${group}/${version}, Resource=${plural}`);
    const where =
      labelSelector || fieldSelector
        ? `Unable to find ${type} that match label selector ${goQuote(labelSelector)}, field selector ${goQuote(fieldSelector)}`
        : `Unable to list ${type}`;
    throw new StatusError(error.reason, `${where}: ${error.message}`, { code: error.code, details: error.details });
  }
}

/** Every object that a command line means, lists opened up. Errors are collected and thrown by `done`. */
export async function selectObjects(
  session: Session,
  options: SelectionOptions,
): Promise<{ readonly infos: readonly ResourceInfo[]; readonly errors: readonly unknown[]; readonly single: boolean }> {
  const targets = await targetsOf(session, options);
  const infos: ResourceInfo[] = [];
  const errors: unknown[] = [...targets.errors];
  for await (const fetched of fetchTargets(session, targets, options)) {
    const { target } = fetched;
    const { resource } = target;
    if ("error" in fetched) errors.push(fetched.error);
    else if (target.form === "list") {
      const { items, apiVersion, kind } = fetched.object as AnyObject & { readonly items?: readonly AnyObject[] };
      for (const item of items ?? []) {
        const object = {
          ...item,
          apiVersion: item.apiVersion ?? apiVersion,
          kind: item.kind ?? kind.replace(/List$/, ""),
        };
        infos.push({
          resource,
          namespace: item.metadata.namespace ?? "",
          name: item.metadata.name ?? "",
          source: "",
          object,
        });
      }
    } else {
      const source = target.form === "manifest" ? target.source : "";
      infos.push({ resource, namespace: target.namespace, name: target.name, source, object: fetched.object });
    }
  }
  return { infos, errors, single: targets.single };
}

/** Does something to each object, goes on after errors, and throws them together at the end. */
export async function forEachObject(
  selected: { readonly infos: readonly ResourceInfo[]; readonly errors: readonly unknown[] },
  act: (info: ResourceInfo) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [...selected.errors];
  for (const info of selected.infos) {
    try {
      await act(info);
    } catch (error) {
      if (isFatal(error) && !(error instanceof Error && errorMessage(error) !== "")) throw error;
      errors.push(error);
    }
  }
  throwAll(errors);
}
