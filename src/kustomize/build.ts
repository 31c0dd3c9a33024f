import { encodeYaml } from "../machinery/codec-yaml.ts";
import { accumulated } from "./accumulate.ts";
import { type Files, Root } from "./files.ts";
import { withHash } from "./generators.ts";
import { isMembers, type Members } from "./identity.ts";
import { type Kustomization, readKustomization } from "./kustomization.ts";
import { withReferences } from "./name-references.ts";
import { inLegacyOrder } from "./order.ts";
import { metadataOf, type Origin, type Resource, withMetadata, withObject } from "./resource.ts";
import { withLabels } from "./transformers.ts";
import { withVariables } from "./variables.ts";

export interface BuildOptions {
  readonly files: Files;
  /** Relative paths start here. */
  readonly cwd: string;
  /** Files outside a kustomization's own folder may be read. */
  readonly unrestricted?: boolean;
  /** Hears what is out of date in the kustomizations. */
  readonly warn?: (text: string) => void;
}

/**
 * Builds the kustomization of a folder: its objects in order, names and all that refers to them final. Throws `invalid`
 * with upstream's words for what is wrong in it, `missing` when there is none, `unsupported` for what is not done here.
 */
export function buildKustomization(path: string, options: BuildOptions): readonly Members[] {
  const { files, cwd, unrestricted = false, warn = () => {} } = options;
  const root = Root.open(path, { files, cwd, restricted: !unrestricted });
  const kustomization = readKustomization(root, warn);
  const { resources, variables } = accumulated(kustomization, root, { warn });
  const referring = withReferences(resources.map(withHash));
  const final = withVariables(referring, variables);
  return withBuildMetadata(ordered(final, kustomization), kustomization).map(({ object }) => withoutNulls(object));
}

/** The objects of a build as one text of several documents. */
export const buildText = (objects: readonly Members[]): string => objects.map(encodeYaml).join("---\n");

function ordered(resources: readonly Resource[], { sortOptions }: Kustomization): readonly Resource[] {
  if (sortOptions?.order === "fifo") return resources;
  return inLegacyOrder(resources, sortOptions?.legacySortOptions);
}

function withBuildMetadata(resources: readonly Resource[], { buildMetadata = [] }: Kustomization): readonly Resource[] {
  const managed = buildMetadata.includes("managedByLabel")
    ? withLabels(resources, { pairs: { "app.kubernetes.io/managed-by": "kustomize-(devel)" } })
    : resources;
  return managed.map((resource) => {
    const { origin, transformations } = resource;
    const annotations = {
      ...(origin && buildMetadata.includes("originAnnotations")
        ? { "config.kubernetes.io/origin": originText(origin) }
        : {}),
      ...(transformations.length > 0 && buildMetadata.includes("transformerAnnotations")
        ? { "alpha.config.kubernetes.io/transformations": transformations.map(listed).join("") }
        : {}),
    };
    if (Object.keys(annotations).length === 0) return resource;
    const before = metadataOf(resource.object).annotations as Members | undefined;
    return withObject(resource, withMetadata(resource.object, { annotations: { ...before, ...annotations } }));
  });
}

const originText = ({ path, configuredIn, kind }: Origin): string =>
  path === undefined
    ? `configuredIn: ${configuredIn}\nconfiguredBy:\n  apiVersion: builtin\n  kind: ${kind}\n`
    : `path: ${path}\n`;

const listed = (origin: Origin): string => `- ${originText(origin).trimEnd().replaceAll("\n", "\n  ")}\n`;

/** Labels that are null and annotations that are none are left out. */
function withoutNulls(object: Members): Members {
  const { labels, annotations } = metadataOf(object);
  const empty = annotations === null || (isMembers(annotations) && Object.keys(annotations).length === 0);
  if (labels !== null && !empty) return object;
  return withMetadata(object, {
    ...(labels === null ? { labels: undefined } : {}),
    ...(empty ? { annotations: undefined } : {}),
  });
}
