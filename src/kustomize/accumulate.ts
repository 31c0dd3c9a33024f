import { errorMessage, Fault, faultCode } from "../lib/fault.ts";
import { objectsOf } from "./documents.ts";
import { isRemote, type Root } from "./files.ts";
import { generated } from "./generators.ts";
import { type Kustomization, readKustomization, type Variable } from "./kustomization.ts";
import { withJsonPatches, withMergePatches, withPatches } from "./patches.ts";
import { withReplacements } from "./replacements.ts";
import { absorbed, joined, newResource, type Resource } from "./resource.ts";
import { withAffix, withAnnotations, withImages, withLabels, withNamespace, withReplicas } from "./transformers.ts";
import { joinedVariables } from "./variables.ts";

/** What a kustomization and all below it come to, before names are final. */
export interface Accumulated {
  readonly resources: readonly Resource[];
  readonly variables: readonly Variable[];
}

/** What the files of a build are read with. */
export interface Reading {
  readonly warn: (text: string) => void;
}

/** Follows a kustomization through its resources, generators, components and changes, in upstream's order. Throws `invalid`. */
export function accumulated(
  kustomization: Kustomization,
  root: Root,
  reading: Reading,
  before: Accumulated = { resources: [], variables: [] },
): Accumulated {
  const read = prefixed("accumulating resources", () =>
    kustomization.resources.reduce((all, path) => withResource(all, path, root, reading), before),
  );
  const complete = { ...read, resources: withGenerated(read.resources, kustomization, root) };
  const composed = prefixed("accumulating components", () =>
    kustomization.components.reduce((all, path) => withComponent(all, path, root, reading), complete),
  );
  return {
    resources: transformed(composed.resources, kustomization, root),
    variables: joinedVariables(composed.variables, kustomization.vars ?? []),
  };
}

function prefixed<T>(prefix: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Fault(faultCode(error) ?? "internal", `${prefix}: ${errorMessage(error)}`);
  }
}

/** A resource is a file or, if it cannot be read as one, a folder with a kustomization. */
function withResource(all: Accumulated, path: string, root: Root, reading: Reading): Accumulated {
  try {
    return { ...all, resources: withFile(all.resources, path, root) };
  } catch (error) {
    if (isRemote(path) || faultCode(error) === "corrupt") throw error;
    return prefixed(`accumulation err='${errorMessage(error)}'`, () => withFolder(all, path, root, reading));
  }
}

function withFile(resources: readonly Resource[], path: string, root: Root): readonly Resource[] {
  const objects = prefixed(`accumulating resources from '${path}'`, () => {
    const text = root.readText(path);
    try {
      return objectsOf(text);
    } catch (error) {
      if (faultCode(error) !== "corrupt") throw error;
      throw new Fault("corrupt", `MalformedYAMLError: ${errorMessage(error)} in File: ${path}`);
    }
  });
  const origin = { path: [root.shownPath, path].filter(Boolean).join("/") };
  return prefixed(`merging resources from '${path}'`, () =>
    joined(
      resources,
      objects.map((object) => newResource(object, { origin })),
    ),
  );
}

function withFolder(all: Accumulated, path: string, root: Root, reading: Reading): Accumulated {
  const folder = root.enter(path);
  const kustomization = prefixed(`couldn't make target for path '${folder.path}'`, () =>
    readKustomization(folder, reading.warn),
  );
  if (kustomization.kind !== "Kustomization") {
    throw new Fault("invalid", `expected kind != 'Component' for path '${folder.path}'`);
  }
  const inner = prefixed(`recursed accumulation of path '${folder.path}'`, () =>
    accumulated(kustomization, folder, reading),
  );
  return prefixed(`recursed merging from path '${folder.path}'`, () => ({
    resources: joined(all.resources, inner.resources),
    variables: joinedVariables(all.variables, inner.variables),
  }));
}

function withComponent(all: Accumulated, path: string, root: Root, reading: Reading): Accumulated {
  const folder = quoted("loader.New", () => root.enter(path));
  return quoted("accumulateDirectory:", () => {
    const kustomization = prefixed(`couldn't make target for path '${folder.path}'`, () =>
      readKustomization(folder, reading.warn),
    );
    if (kustomization.kind !== "Component") {
      throw new Fault("invalid", `expected kind 'Component' for path '${folder.path}' but got '${kustomization.kind}'`);
    }
    return prefixed(`recursed accumulation of path '${folder.path}'`, () =>
      accumulated(kustomization, folder, reading, all),
    );
  });
}

function quoted<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Fault(faultCode(error) ?? "internal", `${what} ${JSON.stringify(errorMessage(error))}`);
  }
}

function withGenerated(
  before: readonly Resource[],
  { configMapGenerator = [], secretGenerator = [], generatorOptions, file }: Kustomization,
  root: Root,
): readonly Resource[] {
  const configuredIn = [root.shownPath, file].filter(Boolean).join("/");
  const make = (kind: "ConfigMap" | "Secret") => (resources: readonly Resource[], generator: object) => {
    const made = generated(kind, generator, generatorOptions, root);
    return prefixed("merging from generator", () =>
      absorbed(resources, { ...made, origin: { configuredIn, kind: `${kind}Generator` } }),
    );
  };
  return secretGenerator.reduce(make("Secret"), configMapGenerator.reduce(make("ConfigMap"), before));
}

/** Everything that a kustomization changes in what it gathered, each step seeing what those before it did. */
function transformed(gathered: readonly Resource[], kustomization: Kustomization, root: Root): readonly Resource[] {
  const { namespace, namePrefix = "", nameSuffix = "", labels = [], commonLabels, commonAnnotations } = kustomization;
  const { images = [], replicas = [], replacements = [] } = kustomization;
  const configuredIn = [root.shownPath, kustomization.file].filter(Boolean).join("/");
  let resources = gathered;
  const step = (kind: string, change: (before: readonly Resource[]) => readonly Resource[]) => {
    resources = change(resources).map((resource) => ({
      ...resource,
      transformations: [...resource.transformations, { configuredIn, kind }],
    }));
  };
  if (kustomization.patchesStrategicMerge?.length) {
    step("PatchStrategicMergeTransformer", (all) => withMergePatches(all, kustomization, root));
  }
  for (const patch of kustomization.patches ?? []) {
    step("PatchTransformer", (all) => withPatches(all, [patch], root));
  }
  if (namespace) step("NamespaceTransformer", (all) => withNamespace(all, namespace));
  // An empty prefix is remembered too: it tells later which names were made in the same kustomization.
  if (namePrefix) step("PrefixTransformer", (all) => withAffix(all, { prefix: namePrefix }));
  else resources = withAffix(resources, { prefix: "" });
  if (nameSuffix) step("SuffixTransformer", (all) => withAffix(all, { suffix: nameSuffix }));
  else resources = withAffix(resources, { suffix: "" });
  for (const rule of labels) step("LabelTransformer", (all) => withLabels(all, rule));
  if (labels.length > 0 || commonLabels) {
    step("LabelTransformer", (all) => withLabels(all, { pairs: commonLabels ?? {}, includeSelectors: true }));
  }
  if (commonAnnotations) step("AnnotationsTransformer", (all) => withAnnotations(all, commonAnnotations));
  if (kustomization.patchesJson6902?.length) {
    step("PatchJson6902Transformer", (all) => withJsonPatches(all, kustomization, root));
  }
  for (const rule of replicas) step("ReplicaCountTransformer", (all) => withReplicas(all, rule));
  for (const rule of images) step("ImageTagTransformer", (all) => withImages(all, [rule]));
  if (replacements.length > 0) {
    step("ReplacementTransformer", (all) => withReplacements(all, replacements, root));
  }
  return resources;
}
