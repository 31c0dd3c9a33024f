import type { Pod } from "../../api/core/pod.ts";
import { ServiceAccount } from "../../api/core/service-account.ts";
import { nameSuffix } from "../../lib/random.ts";
import { forbidden } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import { type AdmissionPlugin, isPodCreate, refusedName } from "./admission.ts";

type PodSpec = Pod["spec"];
type Container = PodSpec["containers"][number];

const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";
const volumePrefix = "kube-api-access-";
/** Long enough that a kubelet renews it about once an hour; the odd seconds tell that no client asked for it. */
const tokenSeconds = 3607;
const mirror = "kubernetes.io/config.mirror";

/** Every pod runs as a service account, whose token and pull secrets it gets. */
export function serviceAccountPlugin(registry: Registry): AdmissionPlugin {
  const { cache, resource } = registry.of(ServiceAccount);
  const pods = { group: "", plural: "pods" };

  const find = (namespace: string, name: string) => objectOf<ServiceAccount>(cache.get(resource.key(namespace, name)));

  const withAccount = (object: AnyObject, wanted: string, account: ServiceAccount): AnyObject => {
    const pod = object as AnyObject as unknown as Pod;
    const named: PodSpec = { ...pod.spec, serviceAccountName: wanted, serviceAccount: wanted };
    const automount = pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
    const mounted = automount ? withToken(named, () => volumePrefix + nameSuffix(registry.random)) : named;
    const secrets = mounted.imagePullSecrets?.length ? mounted.imagePullSecrets : account.imagePullSecrets;
    const spec = secrets?.length ? { ...mounted, imagePullSecrets: secrets } : mounted;
    return { ...object, spec } as AnyObject;
  };

  return {
    name: "ServiceAccount",
    handles: isPodCreate,
    mutate(object, _previous, { namespace }) {
      const pod = object as AnyObject as unknown as Pod;
      if (pod.metadata.annotations?.[mirror]) return object;
      const wanted = pod.spec.serviceAccountName || "default";
      const known = find(namespace, wanted);
      if (known) return withAccount(object, wanted, known);
      return cache.current().then(() => {
        const account = find(namespace, wanted);
        if (account) return withAccount(object, wanted, account);
        const why = `error looking up service account ${namespace}/${wanted}: serviceaccount ${JSON.stringify(wanted)} not found`;
        throw forbidden(pods, refusedName(object), why);
      });
    },
  };
}

function withToken(spec: PodSpec, newName: () => string): PodSpec {
  const present = spec.volumes?.find(({ name }) => name.startsWith(volumePrefix));
  const name = present?.name ?? newName();
  let used = false;
  const mount = (container: Container): Container => {
    if (container.volumeMounts?.some(({ mountPath }) => mountPath === tokenPath)) return container;
    used = true;
    const added = { name, readOnly: true, mountPath: tokenPath };
    return { ...container, volumeMounts: [...(container.volumeMounts ?? []), added] };
  };
  const containers = spec.containers?.map(mount);
  const initContainers = spec.initContainers?.map(mount);
  const volumes = used && !present ? [...(spec.volumes ?? []), tokenVolume(name)] : spec.volumes;
  return { ...spec, containers, ...(initContainers ? { initContainers } : {}), ...(volumes ? { volumes } : {}) };
}

function tokenVolume(name: string): NonNullable<PodSpec["volumes"]>[number] {
  const namespace = { path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } };
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        { downwardAPI: { items: [namespace] } },
      ],
    },
  };
}
