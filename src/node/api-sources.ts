import { ClusterTrustBundle } from "../api/certificates/cluster-trust-bundle.ts";
import { ConfigMap } from "../api/core/config-map.ts";
import { PersistentVolume } from "../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../api/core/persistent-volume-claim.ts";
import { Secret } from "../api/core/secret.ts";
import { ServiceAccount } from "../api/core/service-account.ts";
import type { TokenRequest } from "../api/generated/authentication-v1.ts";
import type { ClusterTrustBundleProjection, Pod } from "../api/generated/core-v1.ts";
import { RuntimeClass } from "../api/node/runtime-class.ts";
import type { Client } from "../client/client.ts";
import { Fault } from "../lib/fault.ts";
import { selectorOfObject } from "../machinery/labels.ts";
import type { KindRef, ObjectKey } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";

/** What pods need out of the API besides themselves. Every call asks anew; `remembering` shares answers for a while. */
export interface ApiSources {
  /** Undefined when it is not there. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  /** The pull secrets of a pod that are there. */
  pullSecrets(pod: Pod): Promise<readonly Secret[]>;
  /** The volume that a claim is bound to. Throws Fault `missing` while there is none. */
  claimed(pod: Pod, claim: string): Promise<PersistentVolume>;
  /** The runtime's handler that the pod's RuntimeClass names. Throws Fault `missing` for an unknown class. */
  handler(pod: Pod): Promise<string | undefined>;
  /** The texts of the trust bundles that a projection chooses; none where there is no such bundle. */
  trustBundles(wanted: ClusterTrustBundleProjection): Promise<readonly string[]>;
  token(namespace: string, serviceAccount: string, spec: TokenRequest["spec"]): Promise<TokenRequest>;
}

/** Sources that ask an API server. */
export function apiSources(client: Client): ApiSources {
  const find = async <T>(kind: KindRef<T>, key: ObjectKey): Promise<T | undefined> => {
    try {
      return await client.get(kind, key);
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      throw error;
    }
  };
  const secret = (namespace: string, name: string) => find(Secret, { namespace, name });
  return {
    configMap: (namespace, name) => find(ConfigMap, { namespace, name }),
    secret,
    async pullSecrets({ metadata, spec }) {
      const names = (spec.imagePullSecrets ?? []).flatMap(({ name }) => name ?? []);
      const found = await Promise.all(names.map((name) => secret(metadata.namespace, name)));
      return found.filter((each) => each !== undefined);
    },
    async claimed({ metadata }, name) {
      const claim = await find(PersistentVolumeClaim, { namespace: metadata.namespace, name });
      if (!claim) throw new Fault("missing", `persistentvolumeclaim "${name}" not found`);
      const { volumeName } = claim.spec ?? {};
      if (claim.status?.phase !== "Bound" || !volumeName)
        throw new Fault("missing", `PersistentVolumeClaim ${name} is not bound`);
      const volume = await find(PersistentVolume, { name: volumeName });
      if (!volume) throw new Fault("missing", `persistentvolume "${volumeName}" not found`);
      return volume;
    },
    async handler({ spec: { runtimeClassName } }) {
      if (!runtimeClassName) return undefined;
      const found = await find(RuntimeClass, { name: runtimeClassName });
      if (!found)
        throw new Fault("missing", `failed to get sandbox runtime: RuntimeClass "${runtimeClassName}" not found`);
      return found.handler;
    },
    async trustBundles({ name, signerName, labelSelector }) {
      if (name !== undefined) {
        const found = await find(ClusterTrustBundle, { name });
        return found ? [found.spec.trustBundle] : [];
      }
      // No selector chooses nothing, an empty one all.
      if (!labelSelector) return [];
      const { items } = await client.list(ClusterTrustBundle, { fieldSelector: `spec.signerName=${signerName}` });
      const selector = selectorOfObject(labelSelector);
      return items.flatMap(({ metadata, spec }) => (selector.matches(metadata.labels) ? [spec.trustBundle] : []));
    },
    token: (namespace, name, spec) =>
      client.createSubresource<TokenRequest>(ServiceAccount, { namespace, name }, "token", {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec,
      }),
  };
}

/** The same configMaps and secrets, each asked for once until `forget`. */
export function remembering(sources: ApiSources): Pick<ApiSources, "configMap" | "secret"> & { forget(): void } {
  const known = new Map<string, Promise<unknown>>();
  const once = <T>(key: string, ask: () => Promise<T>): Promise<T> => {
    const found = known.get(key) ?? ask();
    known.set(key, found);
    return found as Promise<T>;
  };
  return {
    configMap: (namespace, name) => once(`c/${namespace}/${name}`, () => sources.configMap(namespace, name)),
    secret: (namespace, name) => once(`s/${namespace}/${name}`, () => sources.secret(namespace, name)),
    forget: () => known.clear(),
  };
}
