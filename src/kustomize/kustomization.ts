import { errorMessage, Fault } from "../lib/fault.ts";
import { parseYaml } from "../machinery/codec-yaml.ts";
import { yamlProblem } from "./documents.ts";
import type { FieldSpec } from "./field-path.ts";
import type { Root } from "./files.ts";
import { isMembers } from "./identity.ts";
import { kustomizationShape } from "./kustomization-shape.ts";
import { checkShape } from "./shapes.ts";

/** Which objects something is about; what is absent does not count. */
export interface Selector {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly annotationSelector?: string;
}

export interface Patch {
  readonly path?: string;
  readonly patch?: string;
  readonly target?: Selector;
  readonly options?: Readonly<Record<string, boolean>>;
}

export interface GeneratorOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly disableNameSuffixHash?: boolean;
  readonly immutable?: boolean;
}

/** A ConfigMap or Secret to generate. */
export interface Generator {
  readonly name?: string;
  readonly namespace?: string;
  readonly behavior?: string;
  readonly literals?: readonly string[];
  readonly files?: readonly string[];
  readonly envs?: readonly string[];
  readonly env?: string;
  readonly type?: string;
  readonly options?: GeneratorOptions;
}

export interface LabelRule {
  readonly pairs?: Readonly<Record<string, string>>;
  readonly includeSelectors?: boolean;
  readonly includeTemplates?: boolean;
  readonly fields?: readonly FieldSpec[];
}

export interface ImageRule {
  readonly name?: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly tagSuffix?: string;
  readonly digest?: string;
}

/** How a part of a field is read or written. */
export interface FieldOptions {
  readonly delimiter?: string;
  readonly index?: number;
  readonly encoding?: string;
  readonly create?: boolean;
}

export interface Replacement {
  readonly path?: string;
  readonly source?: Selector & { readonly fieldPath?: string; readonly options?: FieldOptions };
  readonly targets?: readonly {
    readonly select?: Selector;
    readonly reject?: readonly Selector[];
    readonly fieldPaths?: readonly string[];
    readonly options?: FieldOptions;
  }[];
}

export interface Variable {
  readonly name?: string;
  readonly objref?: {
    readonly apiVersion?: string;
    readonly group?: string;
    readonly version?: string;
    readonly kind?: string;
    readonly name?: string;
    readonly namespace?: string;
  };
  readonly fieldref?: { readonly fieldPath?: string; readonly fieldpath?: string };
}

/** What a kustomization says. */
export interface Kustomization {
  readonly kind: "Kustomization" | "Component";
  readonly resources: readonly string[];
  readonly components: readonly string[];
  readonly namespace?: string;
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly commonLabels?: Readonly<Record<string, string>>;
  readonly labels?: readonly LabelRule[];
  readonly commonAnnotations?: Readonly<Record<string, string>>;
  readonly patches?: readonly Patch[];
  readonly patchesStrategicMerge?: readonly string[];
  readonly patchesJson6902?: readonly Patch[];
  readonly images?: readonly ImageRule[];
  readonly replicas?: readonly { readonly name?: string; readonly count?: number }[];
  readonly replacements?: readonly Replacement[];
  readonly vars?: readonly Variable[];
  readonly configMapGenerator?: readonly Generator[];
  readonly secretGenerator?: readonly Generator[];
  readonly generatorOptions?: GeneratorOptions;
  readonly sortOptions?: {
    readonly order?: string;
    readonly legacySortOptions?: { readonly orderFirst?: readonly string[]; readonly orderLast?: readonly string[] };
  };
  readonly buildMetadata?: readonly string[];
  /** The name of its file. */
  readonly file: string;
}

const fileNames = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/** Fields that were given up for others; said to those who still use them, in this order. */
const deprecated: readonly (readonly [field: string, instead: string])[] = [
  ["bases", "'resources' instead."],
  ["commonLabels", "'labels' instead."],
  ["imageTags", "'images' instead."],
  ["patchesJson6902", "'patches' instead."],
  ["patchesStrategicMerge", "'patches' instead."],
  ["vars", "'replacements' instead. [EXPERIMENTAL]"],
];

/** What would run programs of others, or needs more than files. */
const refused = ["crds", "configurations", "generators", "helmCharts", "openapi", "transformers", "validators"];

/** Reads the kustomization of a folder. Throws `invalid`; `unsupported` for what builds here do not do. */
export function readKustomization(root: Root, warn: (text: string) => void): Kustomization {
  const found = fileNames.filter((name) => root.has(name));
  const [file] = found;
  if (!file) {
    throw new Fault(
      "missing",
      `unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '${root.path}'`,
    );
  }
  if (found.length > 1) throw new Fault("invalid", `Found multiple kustomization files under: ${root.path}\n`);
  const value = parsed(root.readText(file));
  for (const [field, instead] of deprecated) {
    if (isFilled(value[field])) {
      warn(
        `# Warning: '${field}' is deprecated. Please use ${instead} Run 'kustomize edit fix' to update your Kustomization automatically.`,
      );
    }
  }
  const { apiVersion, kind, bases, resources, components, ...rest } = value;
  if (!Object.values({ bases, resources, components, ...rest }).some(isFilled)) {
    throw new Fault("invalid", "kustomization.yaml is empty");
  }
  checkHeader({ apiVersion, kind }, root);
  const unsupported = refused.find((field) => isFilled(rest[field]));
  if (unsupported) throw new Fault("unsupported", `builds here do not know the field '${unsupported}' of ${file}`);
  checkOptions(rest as Partial<Kustomization>);
  const lists = { resources, bases, components } as Readonly<Record<string, readonly string[] | undefined>>;
  return {
    ...(rest as Partial<Kustomization>),
    kind: kind === "Component" ? "Component" : "Kustomization",
    resources: [...(lists.resources ?? []), ...(lists.bases ?? [])],
    components: lists.components ?? [],
    file,
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = parseYaml(text) ?? {};
    checkShape(kustomizationShape, value);
    return isMembers(value) ? Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null)) : {};
  } catch (error) {
    throw new Fault("invalid", `invalid Kustomization: ${yamlProblem(errorMessage(error), text)}`);
  }
}

const isFilled = (value: unknown): boolean =>
  typeof value === "object" && value !== null ? Object.keys(value).length > 0 : Boolean(value);

function checkHeader(
  { apiVersion, kind }: { readonly apiVersion?: unknown; readonly kind?: unknown },
  root: Root,
): void {
  const problems: string[] = [];
  if (kind && kind !== "Kustomization" && kind !== "Component") {
    problems.push("kind should be Kustomization or Component");
  }
  const wanted = kind === "Component" ? "kustomize.config.k8s.io/v1alpha1" : "kustomize.config.k8s.io/v1beta1";
  if (apiVersion && apiVersion !== wanted)
    problems.push(`apiVersion for ${kind || "Kustomization"} should be ${wanted}`);
  if (problems.length > 0)
    throw new Fault("invalid", `Failed to read kustomization file under ${root.path}:\n${problems.join("\n")}`);
}

function checkOptions({ sortOptions }: Partial<Kustomization>): void {
  if (sortOptions && sortOptions.order !== "legacy" && sortOptions.order !== "fifo") {
    throw new Fault("invalid", "the field 'sortOptions.order' must be one of [fifo, legacy]");
  }
}
