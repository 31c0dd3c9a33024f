import { allContainers } from "../../api/core/pod-state.ts";
import type {
  ClusterTrustBundleProjection,
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  ProjectedVolumeSource,
  Secret,
  Volume,
} from "../../api/generated/core-v1.ts";
import { Fault } from "../../lib/fault.ts";
import { type EnvironmentSources, fieldValue, resourceValue } from "../pods/environment.ts";
import type { VolumeFile } from "./atomic-files.ts";

/** What volumes' files are made from. */
export interface ContentSources extends EnvironmentSources {
  /** A token of the pod's service account, bound to the pod. */
  token(
    pod: Pod,
    request: { readonly audience: string | undefined; readonly expirationSeconds: number },
  ): Promise<string>;
  /** The texts of the trust bundles that a projection chooses. */
  trustBundles(wanted: ClusterTrustBundleProjection): Promise<readonly string[]>;
}

type Files = Map<string, VolumeFile>;

const text = (content: string) => new TextEncoder().encode(content);

type Data = ReadonlyMap<string, Uint8Array>;

function configMapData({ data, binaryData }: ConfigMap): Data {
  return new Map([
    ...Object.entries(data ?? {}).map(([key, value]) => [key, text(value)] as const),
    ...Object.entries(binaryData ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64")] as const),
  ]);
}

function secretData({ data }: Secret): Data {
  return new Map(Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64")]));
}

function project(
  files: Files,
  entries: Data,
  items: readonly KeyToPath[] | undefined,
  mode: number,
  optional: boolean,
): void {
  if (!items || items.length === 0) {
    for (const [key, content] of entries) files.set(key, { content, mode });
    return;
  }
  for (const { key, path, mode: own } of items) {
    const content = entries.get(key);
    if (!content) {
      if (optional) continue;
      throw new Fault("missing", `references non-existent config key: ${key}`);
    }
    files.set(path, { content, mode: own ?? mode });
  }
}

function projectFields(
  files: Files,
  items: readonly DownwardAPIVolumeFile[],
  mode: number,
  pod: Pod,
  sources: ContentSources,
): void {
  for (const { path, fieldRef, resourceFieldRef, mode: own } of items) {
    const value = fieldRef
      ? fieldValue(fieldRef, pod, sources)
      : resourceFieldRef
        ? resourceValue(resourceFieldRef, pod, undefined, sources)
        : "";
    files.set(path, { content: text(value), mode: own ?? mode });
  }
}

async function configMap(pod: Pod, name: string, optional: boolean, sources: ContentSources): Promise<Data> {
  const found = await sources.configMap(pod.metadata.namespace, name);
  if (!found && !optional) throw new Fault("missing", `configmap "${name}" not found`);
  return found ? configMapData(found) : new Map();
}

async function secret(pod: Pod, name: string, optional: boolean, sources: ContentSources): Promise<Data> {
  const found = await sources.secret(pod.metadata.namespace, name);
  if (!found && !optional) throw new Fault("missing", `secret "${name}" not found`);
  return found ? secretData(found) : new Map();
}

async function projected(pod: Pod, source: ProjectedVolumeSource, sources: ContentSources): Promise<Files> {
  const files: Files = new Map();
  const mode = source.defaultMode ?? 0o644;
  for (const part of source.sources ?? []) {
    if (part.configMap) {
      const { name = "", items, optional = false } = part.configMap;
      project(files, await configMap(pod, name, optional, sources), items, mode, optional);
    }
    if (part.secret) {
      const { name = "", items, optional = false } = part.secret;
      project(files, await secret(pod, name, optional, sources), items, mode, optional);
    }
    if (part.downwardAPI) projectFields(files, part.downwardAPI.items ?? [], mode, pod, sources);
    if (part.clusterTrustBundle) {
      const content = await trustAnchors(part.clusterTrustBundle, sources);
      files.set(part.clusterTrustBundle.path, { content: text(content), mode });
    }
    if (part.serviceAccountToken) {
      const { audience, expirationSeconds = 3600, path } = part.serviceAccountToken;
      const token = await sources.token(pod, { audience, expirationSeconds });
      // Where the pod's containers have one user, or a group of their own, nobody else reads the token (as upstream).
      const owner = commonUser(pod);
      const own = owner !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
      files.set(path, {
        content: text(token),
        mode: own ? 0o600 : mode,
        ...(owner === undefined ? {} : { owner }),
      });
    }
  }
  return files;
}

/** The certificates of all chosen bundles, each once; what else bundles say is for people. */
async function trustAnchors(wanted: ClusterTrustBundleProjection, sources: ContentSources): Promise<string> {
  const bundles = await sources.trustBundles(wanted);
  if (bundles.length === 0 && !wanted.optional) {
    throw new Fault(
      "missing",
      wanted.name === undefined
        ? "combination of signerName and labelSelector matched zero ClusterTrustBundles"
        : `clustertrustbundle "${wanted.name}" not found`,
    );
  }
  const blocks = bundles.flatMap((bundle) =>
    bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g),
  );
  return [...new Set(blocks)]
    .sort()
    .map((block) => `${block}\n`)
    .join("");
}

/** The user that all of the pod's containers run as, if it is declared and the same. */
function commonUser({ spec }: Pod): number | undefined {
  const users = allContainers(spec).map(
    ({ securityContext }) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
  );
  return users.every((user) => user === users[0]) ? users[0] : undefined;
}

/** The files of a volume that is made from API objects; undefined for other volumes. Throws Fault `missing` as `mount` says. */
export async function contentsOf(
  pod: Pod,
  volume: Volume,
  sources: ContentSources,
): Promise<ReadonlyMap<string, VolumeFile> | undefined> {
  const files: Files = new Map();
  if (volume.configMap) {
    const { name = "", items, defaultMode = 0o644, optional = false } = volume.configMap;
    project(files, await configMap(pod, name, optional, sources), items, defaultMode, optional);
    return files;
  }
  if (volume.secret) {
    const { secretName = "", items, defaultMode = 0o644, optional = false } = volume.secret;
    project(files, await secret(pod, secretName, optional, sources), items, defaultMode, optional);
    return files;
  }
  if (volume.downwardAPI) {
    projectFields(files, volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? 0o644, pod, sources);
    return files;
  }
  return volume.projected ? await projected(pod, volume.projected, sources) : undefined;
}
