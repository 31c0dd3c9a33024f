import { any, bool, int, listOf, mapOf, type Shape, string, struct } from "./shapes.ts";

const texts = listOf(string);
const labels = mapOf(string);
const kind = { group: string, version: string, kind: string };
const selector = struct("Selector", {
  ...kind,
  apiVersion: string,
  name: string,
  namespace: string,
  labelSelector: string,
  annotationSelector: string,
});
const fieldSpec = struct("FieldSpec", { ...kind, path: string, create: bool });
const fieldOptions = struct("FieldOptions", { delimiter: string, index: int, encoding: string, create: bool });
const options = struct("GeneratorOptions", {
  labels,
  annotations: labels,
  disableNameSuffixHash: bool,
  immutable: bool,
});
const patch = struct("Patch", { path: string, patch: string, target: selector, options: mapOf(bool) });

const generator = (name: string, more: Readonly<Record<string, Shape>> = {}): Shape =>
  struct(name, {
    name: string,
    namespace: string,
    behavior: string,
    literals: texts,
    files: texts,
    envs: texts,
    env: string,
    options,
    ...more,
  });

const source = struct("SourceSelector", {
  ...kind,
  name: string,
  namespace: string,
  fieldPath: string,
  options: fieldOptions,
});
const target = struct("TargetSelector", {
  select: selector,
  reject: listOf(selector),
  fieldPaths: texts,
  options: fieldOptions,
});

const image = struct("Image", {
  name: string,
  newName: string,
  newTag: string,
  tagSuffix: string,
  digest: string,
});

const variable = struct("Var", {
  name: string,
  objref: struct("Target", { ...kind, apiVersion: string, name: string, namespace: string }),
  fieldref: struct("FieldSelector", { fieldPath: string, fieldpath: string }),
});

/** Every field that a kustomization may have, those that builds here refuse among them. */
export const kustomizationShape = struct("Kustomization", {
  apiVersion: string,
  kind: string,
  metadata: any,
  resources: texts,
  bases: texts,
  components: texts,
  namespace: string,
  namePrefix: string,
  nameSuffix: string,
  commonLabels: labels,
  labels: listOf(
    struct("Label", {
      pairs: labels,
      includeSelectors: bool,
      includeTemplates: bool,
      fields: listOf(fieldSpec),
    }),
  ),
  commonAnnotations: labels,
  patches: listOf(patch),
  patchesStrategicMerge: texts,
  patchesJson6902: listOf(patch),
  images: listOf(image),
  imageTags: listOf(image),
  replicas: listOf(struct("Replica", { name: string, count: int })),
  replacements: listOf(struct("ReplacementField", { path: string, source, targets: listOf(target) })),
  vars: listOf(variable),
  configMapGenerator: listOf(generator("ConfigMapArgs")),
  secretGenerator: listOf(generator("SecretArgs", { type: string })),
  generatorOptions: options,
  sortOptions: struct("SortOptions", {
    order: string,
    legacySortOptions: struct("LegacySortOptions", { orderFirst: texts, orderLast: texts }),
  }),
  buildMetadata: texts,
  crds: texts,
  configurations: texts,
  generators: texts,
  transformers: texts,
  validators: texts,
  helmCharts: listOf(any),
  helmChartInflationGenerator: listOf(any),
  helmGlobals: any,
  openapi: mapOf(string),
});
