import { errorMessage, Fault } from "../lib/fault.ts";
import { encodeYaml, parseYaml } from "../machinery/codec-yaml.ts";
import type { Root } from "./files.ts";
import { idText, isMembers, type Members } from "./identity.ts";
import type { FieldOptions, Replacement } from "./kustomization.ts";
import { changedAt, replacementSteps, valueAt } from "./replacement-path.ts";
import { allIds, metadataOf, type Resource, withObject } from "./resource.ts";
import { hasLabels, isNamed } from "./selection.ts";

type Resources = readonly Resource[];

/** Copies values of some fields into others. Throws `invalid` when there is no one source, or no place for its value. */
export function withReplacements(resources: Resources, replacements: readonly Replacement[], root: Root): Resources {
  return opened(replacements, root).reduce(applied, resources);
}

/** Replacements may stand in files of their own. */
function opened(replacements: readonly Replacement[], root: Root): readonly Replacement[] {
  try {
    return replacements.flatMap((entry) => {
      if (!entry.path) return entry;
      if (entry.source || entry.targets) throw new Fault("invalid", "cannot specify both path and inline replacement");
      const read = parseYaml(root.readText(entry.path));
      return (Array.isArray(read) ? read : [read]) as readonly Replacement[];
    });
  } catch (error) {
    const config = encodeYaml({ Replacements: replacements });
    throw new Fault(
      "invalid",
      `trouble configuring builtin ReplacementTransformer with config: \`\n${config}\`: ${errorMessage(error)}`,
    );
  }
}

function applied(resources: Resources, { source, targets }: Replacement): Resources {
  if (!source || !targets) throw new Fault("invalid", "replacements must specify a source and at least one target");
  const value = sourceValue(resources, source);
  return targets.reduce((all, target) => {
    const { select, reject = [], options } = target;
    const [first] = target.fieldPaths ?? [];
    const paths = first === undefined ? ["metadata.name"] : (target.fieldPaths ?? []);
    if (!select) throw new Fault("invalid", "target must specify resources to select");
    return all.map((resource) => {
      const { labels, annotations } = metadataOf(resource.object);
      const fits = (selector: typeof select) =>
        allIds(resource).some((id) => isNamed({ ...id }, selector)) &&
        hasLabels(labels, selector.labelSelector) &&
        hasLabels(annotations, selector.annotationSelector);
      const isRejected = reject.some((one) => Object.values(one).some(Boolean) && fits(one));
      return fits(select) && !isRejected ? written(resource, paths, value, options) : resource;
    });
  }, resources);
}

function sourceValue(resources: Resources, source: NonNullable<Replacement["source"]>): unknown {
  const found = resources.filter((resource) => allIds(resource).some((id) => isNamed({ ...id }, source)));
  const { group = "", version = "", kind = "", name = "", namespace = "" } = source;
  const told = idText({ group, version, kind, name, namespace });
  const [only] = found;
  if (!only) throw new Fault("invalid", `nothing selected by ${told}`);
  if (found.length > 1) throw new Fault("invalid", `multiple matches for selector ${told}`);
  const path = source.fieldPath || "metadata.name";
  const value = valueAt(only.object, replacementSteps(path));
  if (value === undefined || value === null) {
    throw new Fault("invalid", `fieldPath \`${path}\` is missing for replacement source ${told}`);
  }
  const { delimiter, index = 0 } = source.options ?? {};
  if (!delimiter) return value;
  if (typeof value === "object") throw new Fault("invalid", "delimiter option can only be used with scalar nodes");
  const parts = String(value).split(delimiter);
  if (index < 0 || index >= parts.length) {
    throw new Fault("invalid", `options.index ${index} is out of bounds for value ${String(value)}`);
  }
  return parts[index];
}

function written(resource: Resource, paths: readonly string[], value: unknown, options: FieldOptions = {}): Resource {
  let object: Members = resource.object;
  for (const path of paths) {
    const change = { create: options.create ?? false, set: (before: unknown) => placed(before, value, options) };
    let changed: unknown;
    try {
      changed = changedAt(object, replacementSteps(path), change);
    } catch (error) {
      throw new Fault("invalid", `unable to find field "${path}" in replacement target: ${errorMessage(error)}`);
    }
    if (changed === undefined) {
      throw new Fault("invalid", `unable to find field "${path}" in replacement target`);
    }
    object = changed as Members;
  }
  return withObject(resource, object);
}

function placed(before: unknown, value: unknown, { delimiter, index = 0 }: FieldOptions): unknown {
  if (!delimiter) return likeBefore(before, value);
  if (typeof before === "object") throw new Fault("invalid", "delimiter option can only be used with scalar nodes");
  const parts = before === undefined ? [""] : String(before).split(delimiter);
  if (index < 0) parts.unshift(String(value));
  else if (index >= parts.length) parts.push(String(value));
  else parts[index] = String(value);
  return likeBefore(before, parts.join(delimiter));
}

/** A plain value takes the form of the one that it replaces: a number in the place of a text is a text. */
function likeBefore(before: unknown, value: unknown): unknown {
  if (before === undefined || before === null) return typeof value === "string" ? plainly(value) : value;
  if (typeof before === "object") return value;
  if (typeof value === "object") return isMembers(value) || Array.isArray(value) ? "" : value;
  if (typeof before === "string") return String(value);
  return plainly(String(value));
}

/** What a text means where nothing says that it is one. */
function plainly(text: string): unknown {
  if (/^-?\d+$/.test(text)) return Number(text);
  return text === "true" || text === "false" ? text === "true" : text;
}
