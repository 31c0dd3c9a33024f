import { knownType } from "../api/known-type.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { encodeYaml, parseYaml } from "../machinery/codec-yaml.ts";
import { parseJson } from "../machinery/json-text.ts";
import { applyJsonPatch } from "../machinery/patch-json.ts";
import { StatusError } from "../machinery/status-error.ts";
import { objectsOf } from "./documents.ts";
import type { Root } from "./files.ts";
import { idOf, idText, isSameId, type Members, textOf } from "./identity.ts";
import type { Kustomization, Patch } from "./kustomization.ts";
import { allIds, currentId, metadataOf, type Resource, remembered, withMetadata, withObject } from "./resource.ts";
import { selected } from "./selection.ts";
import { mergeStrategic } from "./strategic-merge.ts";

type Resources = readonly Resource[];

/** Applies the patches of either form that name their targets or carry a name. Throws `invalid`. */
export function withPatches(resources: Resources, patches: Kustomization["patches"], root: Root): Resources {
  return (patches ?? []).reduce((all, patch) => applied(all, patch, root), resources);
}

/** Applies the older form: strategic merge patches in files, or written out. Throws `invalid`. */
export function withMergePatches(
  resources: Resources,
  { patchesStrategicMerge = [] }: Kustomization,
  root: Root,
): Resources {
  const objects = configured("PatchStrategicMergeTransformer", { paths: patchesStrategicMerge }, () =>
    patchesStrategicMerge.flatMap((entry) => objectsOf(entry.includes("\n") ? entry : root.readText(entry))),
  );
  return objects.reduce((all, object) => mergedById(all, object), resources);
}

/** Applies the older form of JSON patches, each to one object. Throws `invalid`. */
export function withJsonPatches(resources: Resources, { patchesJson6902 = [] }: Kustomization, root: Root): Resources {
  return patchesJson6902.reduce((all, patch) => {
    const { path, patch: inline = "", target } = patch;
    const steps = configured("PatchJson6902Transformer", patch, () => {
      if (!target?.name) throw new Fault("invalid", "must specify the target name");
      if (!path && !inline) throw new Fault("invalid", "must specify a json patch file path or inline patch");
      const text = path ? root.readText(path) : inline;
      return jsonSteps(text) ?? [];
    });
    return replaced(all, selected(all, target ?? {}), (one) => patchedByJson(one, steps));
  }, resources);
}

function applied(all: Resources, patch: Patch, root: Root): Resources {
  const { target, options = {} } = patch;
  const read = configured("PatchTransformer", patch, () => readPatch(patch, root));
  if (read.steps) {
    const { steps } = read;
    if (!target) throw new Fault("invalid", `must specify a target for JSON patch ${read.told}`);
    return replaced(all, selected(all, target), (one) => patchedByJson(remembered(one), steps));
  }
  return read.objects.reduce<Resources>((before, object) => {
    if (!target) return mergedById(before, object, options);
    const ids = selected(before, target).map(currentId);
    const targets = before.filter((one) => ids.some((id) => isSameId(id, currentId(one))));
    return replaced(before, targets, (one) => merged(one, { ...object, apiVersion: one.object.apiVersion }, options));
  }, all);
}

interface ReadPatch {
  readonly objects: readonly Members[];
  /** The steps of a JSON patch. */
  readonly steps?: readonly unknown[];
  /** As messages tell it. */
  readonly told: string;
}

function readPatch({ path, patch = "" }: Patch, root: Root): ReadPatch {
  const inline = patch.trim();
  const config = () => encodeYaml({ patch: patch || undefined, path: path || undefined });
  if (!inline && !path) throw new Fault("invalid", `must specify one of patch and path in\n${config()}`);
  if (inline && path) throw new Fault("invalid", `patch and path can't be set at the same time\n${config()}`);
  const told = path ? `path: ${JSON.stringify(path)}` : `patch: ${JSON.stringify(inline)}`;
  const text = path ? patchFile(path, root) : inline;
  const steps = jsonSteps(text);
  if (steps) return { objects: [], steps, told: `[${told}]` };
  try {
    return { objects: objectsOf(text), told };
  } catch {
    throw new Fault("invalid", `unable to parse SM or JSON patch from [${told}]`);
  }
}

function patchFile(path: string, root: Root): string {
  try {
    return root.readText(path);
  } catch (error) {
    throw new Fault("invalid", `failed to get the patch file from path(${path}): ${errorMessage(error)}`);
  }
}

/** The steps of a JSON patch, in JSON or YAML; undefined for anything else. */
function jsonSteps(text: string): readonly unknown[] | undefined {
  try {
    const value = text.startsWith("[") ? parseJson(text) : parseYaml(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function configured<T>(plugin: string, config: object, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const message = `trouble configuring builtin ${plugin} with config: \`\n${encodeYaml(config)}\`: ${errorMessage(error)}`;
    throw new Fault("invalid", message);
  }
}

function byId(all: Resources, id: ReturnType<typeof idOf>): Resource {
  const now = all.filter((one) => isSameId(currentId(one), id));
  const found = now.length === 1 ? now : all.filter((one) => allIds(one).some((each) => isSameId(each, id)));
  const [only] = found;
  const text = idText(id);
  if (only && found.length === 1) return only;
  const told = only ? `multiple matches for Id ${text}` : `no matches for Id ${text}`;
  throw new Fault("invalid", `${told}; failed to find unique target for patch ${text}`);
}

function mergedById(all: Resources, object: Members, options: Patch["options"] = {}): Resources {
  let target: Resource;
  try {
    target = byId(all, idOf(object));
  } catch (error) {
    const text = idText(idOf(object));
    throw new Fault(
      "invalid",
      `no resource matches strategic merge patch ${JSON.stringify(text)}: ${errorMessage(error)}`,
    );
  }
  return replaced(all, [target], (one) => merged(one, object, options));
}

function replaced(all: Resources, targets: Resources, change: (resource: Resource) => Resource | undefined): Resources {
  return all.flatMap((one) => (targets.includes(one) ? (change(one) ?? []) : one));
}

/** A patch does not move an object to another name or kind unless it may. */
function merged(resource: Resource, patch: Members, options: Patch["options"] = {}): Resource | undefined {
  const { allowNameChange = false, allowKindChange = false } = options;
  const { object } = resource;
  const type = knownType(textOf(object.apiVersion), textOf(object.kind));
  const result = mergeStrategic(type, object, patch);
  if (!result || Object.keys(result).length === 0) return undefined;
  const { name, namespace } = metadataOf(object);
  const named = withMetadata(result, allowNameChange ? { namespace } : { name, namespace });
  const before = allowNameChange || allowKindChange ? remembered(resource) : resource;
  return withObject(before, allowKindChange ? named : { ...named, kind: object.kind });
}

function patchedByJson(resource: Resource, steps: readonly unknown[]): Resource {
  try {
    return withObject(resource, applyJsonPatch(resource.object, steps) as Members);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw new Fault("invalid", error.cause instanceof Error ? error.cause.message : error.message);
  }
}
