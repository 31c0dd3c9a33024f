import { ConfigMap } from "../../api/core/config-map.ts";
import { Endpoints } from "../../api/core/endpoints.ts";
import { Namespace } from "../../api/core/namespace.ts";
import { Service } from "../../api/core/service.ts";
import { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import { ServiceCIDR } from "../../api/networking/service-cidr.ts";
import { ClusterRole } from "../../api/rbac/cluster-role.ts";
import { ClusterRoleBinding } from "../../api/rbac/cluster-role-binding.ts";
import { Role } from "../../api/rbac/role.ts";
import { RoleBinding } from "../../api/rbac/role-binding.ts";
import { PriorityClass } from "../../api/scheduling/priority-class.ts";
import { decodeValue } from "../../machinery/codec-json.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { KindRef } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { createObject } from "../../registry/create.ts";
import { deleteObject } from "../../registry/delete.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { statusOnly, updateObject, wholeObject } from "../../registry/update.ts";
import { timestamp } from "../../registry/write.ts";
import { type FrontProxyOptions, frontProxyHeaders } from "../authentication/client-certificates.ts";
import type { PolicyRule } from "../authorization/policy-rules.ts";
import { uncovered } from "../authorization/policy-rules.ts";
import {
  clusterRoleBindings,
  clusterRoles,
  namespacedObjects,
  type RbacObject,
  trustBundleRbac,
} from "./rbac-objects.ts";

export interface BootstrapOptions {
  /** Where the API server is reached, for the endpoints of the `kubernetes` Service. */
  readonly advertise?: { readonly address: string; readonly port: number };
  /** PEM of the authority that signs client certificates. */
  readonly clientCa?: string;
  /** Whether ClusterTrustBundles are served. */
  readonly trustBundles?: boolean;
  /** Of this the proxy whose word about users is believed. */
  readonly authentication?: { readonly frontProxy?: FrontProxyOptions };
}

const namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** Makes what every cluster has, and brings back what has been taken away from it. Safe to run at every start. */
export async function bootstrap(registry: Registry, options: BootstrapOptions): Promise<void> {
  const maker = new Maker(registry);
  await Promise.all(
    namespaces.map((name) => maker.ensure(Namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name } })),
  );
  const optional = options.trustBundles ? trustBundleRbac : [];
  const rbac = [...clusterRoles, ...clusterRoleBindings, ...namespacedObjects, ...optional];
  await Promise.all([
    ...rbac.map((object) => maker.reconcile(rbacKinds[object.kind], object)),
    ...priorityClasses.map((object) => maker.ensure(PriorityClass, object)),
    serviceRange(maker, registry),
    kubernetesService(maker, registry, options.advertise),
    maker.ensure(ConfigMap, tokenTracking(registry.clock.now())),
    ...(options.clientCa
      ? [maker.put(ConfigMap, authenticationConfig(options.clientCa, options.authentication?.frontProxy))]
      : []),
  ]);
}

const rbacKinds: Readonly<Record<RbacObject["kind"], KindRef<unknown>>> = {
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
};

/** Makes and mends the objects that a server brings with it. */
export class Maker {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Makes the object unless there is one of its name. */
  async ensure(kind: KindRef<unknown>, object: object): Promise<void> {
    const collection = this.#registry.of(kind);
    const served = collection.resource.stored;
    const { object: decoded } = decodeValue<AnyObject>(served.type, object);
    const { namespace, name } = decoded.metadata;
    await collection.cache.start();
    if (collection.cache.get(collection.resource.key(namespace, name))) return;
    try {
      await createObject(collection, this.#registry, { served, namespace, object: decoded, dryRun: false });
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
    }
  }

  /**
   * Makes the object, or adds to the present one the rules and subjects that it lacks; what people added stays. A binding
   * to another role is made anew.
   */
  async reconcile(kind: KindRef<unknown>, object: RbacObject): Promise<void> {
    await this.ensure(kind, object);
    const { namespace, name } = object.metadata;
    const collection = this.#registry.of(kind);
    const held = collection.cache.get(collection.resource.key(namespace, name));
    if (!held) return;
    const present = held.object as AnyObject as unknown as RbacObject;
    if (isComplete(present, object)) return;
    if (!isEqual(present.roleRef, object.roleRef)) {
      // A binding's role cannot be changed, as upstream's reconciliation finds too.
      await deleteObject(collection, this.#registry, { namespace, name, options: {}, dryRun: false });
      await collection.cache.current();
      return this.ensure(kind, object);
    }
    await updateObject(collection, {
      namespace,
      name,
      dryRun: false,
      rules: wholeObject(collection.resource),
      change: (current) =>
        completed(current.object as AnyObject as unknown as RbacObject, object) as unknown as AnyObject,
    });
  }

  /** Changes the status of an object that is there and known to the cache. */
  async status(kind: KindRef<unknown>, name: string, change: (object: AnyObject) => AnyObject): Promise<void> {
    const collection = this.#registry.of(kind);
    await updateObject(collection, {
      namespace: undefined,
      name,
      dryRun: false,
      rules: statusOnly(collection.resource),
      change: ({ object }) => change(object),
    });
  }

  /** Makes the object, or replaces what it says where it differs. */
  async put(kind: KindRef<unknown>, object: AnyObject): Promise<void> {
    await this.ensure(kind, object);
    const collection = this.#registry.of(kind);
    const { object: decoded } = decodeValue<AnyObject>(collection.resource.stored.type, object);
    const { metadata, ...content } = decoded;
    await updateObject(collection, {
      namespace: metadata.namespace,
      name: metadata.name,
      dryRun: false,
      rules: wholeObject(collection.resource),
      change: (current) => ({ ...current.object, ...content }),
    });
  }
}

const untouchable = (present: RbacObject) =>
  present.metadata.annotations?.["rbac.authorization.kubernetes.io/autoupdate"] === "false";

function isComplete(present: RbacObject, wanted: RbacObject): boolean {
  if (untouchable(present)) return true;
  return isEqual(present.roleRef, wanted.roleRef) && isEqual(completed(present, wanted), present);
}

function completed(present: RbacObject, wanted: RbacObject): RbacObject {
  const missingRules: readonly PolicyRule[] = wanted.aggregationRule
    ? []
    : uncovered(present.rules ?? [], wanted.rules ?? []);
  const missingSubjects = (wanted.subjects ?? []).filter(
    (subject) =>
      !present.subjects?.some(
        (known) => known.kind === subject.kind && known.name === subject.name && known.namespace === subject.namespace,
      ),
  );
  return {
    ...present,
    metadata: {
      ...present.metadata,
      labels: { ...present.metadata.labels, ...wanted.metadata.labels },
      annotations: { ...wanted.metadata.annotations, ...present.metadata.annotations },
    },
    ...(missingRules.length > 0 ? { rules: [...(present.rules ?? []), ...missingRules] } : {}),
    ...(missingSubjects.length > 0 ? { subjects: [...(present.subjects ?? []), ...missingSubjects] } : {}),
  };
}

const priorityClasses = [
  {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: "system-node-critical" },
    value: 2_000_001_000,
    description: "Used for system critical pods that must not be moved from their current node.",
  },
  {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: "system-cluster-critical" },
    value: 2_000_000_000,
    description:
      "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
  },
];

async function serviceRange(maker: Maker, registry: Registry): Promise<void> {
  const now = timestamp(registry.clock.now());
  const message = "Kubernetes default Service CIDR is ready";
  const ready = { type: "Ready", status: "True", reason: "", message, lastTransitionTime: now };
  await maker.ensure(ServiceCIDR, {
    apiVersion: ServiceCIDR.apiVersion,
    kind: ServiceCIDR.kind,
    metadata: { name: "kubernetes" },
    spec: { cidrs: registry.services.addresses.cidrs },
  });
  await maker.status(ServiceCIDR, "kubernetes", (object) => {
    const { status } = object as AnyObject as ServiceCIDR;
    if (status?.conditions?.some(({ type }) => type === "Ready")) return object;
    return { ...object, status: { conditions: [...(status?.conditions ?? []), ready] } };
  });
}

async function kubernetesService(
  maker: Maker,
  registry: Registry,
  advertise: BootstrapOptions["advertise"],
): Promise<void> {
  const clusterIP = registry.services.addresses.first;
  const port = advertise?.port ?? 443;
  const metadata = { name: "kubernetes", namespace: "default" };
  await maker.ensure(Service, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata, labels: { component: "apiserver", provider: "kubernetes" } },
    spec: {
      type: "ClusterIP",
      sessionAffinity: "None",
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: port }],
    },
  });
  if (!advertise) return;
  const ports = [{ name: "https", port, protocol: "TCP" }];
  await maker.put(Endpoints, {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { ...metadata, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
    subsets: [{ addresses: [{ ip: advertise.address }], ports }],
  } as unknown as AnyObject);
  await maker.put(EndpointSlice, {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": "kubernetes" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [advertise.address], conditions: { ready: true } }],
    ports,
  } as unknown as AnyObject);
}

// From this day on the last use of tokens in Secrets is written down; their cleaner reckons from it.
function tokenTracking(now: number): object {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "kube-apiserver-legacy-service-account-token-tracking", namespace: "kube-system" },
    data: { since: new Date(now).toISOString().slice(0, 10) },
  };
}

// Servers behind this one learn here whose client certificates and whose word about users to believe.
function authenticationConfig(clientCa: string, proxy?: FrontProxyOptions): AnyObject {
  const { usernameHeaders, uidHeaders, groupHeaders, extraHeaderPrefixes } = { ...frontProxyHeaders, ...proxy };
  const list = (values: readonly string[]) => JSON.stringify(values);
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "extension-apiserver-authentication", namespace: "kube-system" },
    data: {
      "client-ca-file": clientCa,
      "requestheader-allowed-names": list(proxy?.allowedNames ?? []),
      "requestheader-client-ca-file": proxy?.clientCa ?? "",
      "requestheader-extra-headers-prefix": list(extraHeaderPrefixes),
      "requestheader-group-headers": list(groupHeaders),
      "requestheader-uid-headers": list(uidHeaders),
      "requestheader-username-headers": list(usernameHeaders),
    },
  } as unknown as AnyObject;
}
