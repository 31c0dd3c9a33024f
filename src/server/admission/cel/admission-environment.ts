import {
  type CelEnvironment,
  type CelObjectType,
  type CelType,
  celTypes,
  kubernetesLibraries,
  mutationStructs,
} from "../../../expr/cel/cel.ts";

const { bool, dyn, int, listOf, mapOf, objectType, opaque, string, timestamp } = celTypes;

const kindType = objectType("kubernetes.GroupVersionKind", { group: string, version: string, kind: string });
const resourceType = objectType("kubernetes.GroupVersionResource", {
  group: string,
  version: string,
  resource: string,
});
const userType = objectType("kubernetes.UserInfo", {
  username: string,
  uid: string,
  groups: listOf(string),
  extra: mapOf(string, listOf(string)),
});
const requestType = objectType("kubernetes.AdmissionRequest", {
  kind: kindType,
  resource: resourceType,
  subResource: string,
  requestKind: kindType,
  requestResource: resourceType,
  requestSubResource: string,
  name: string,
  namespace: string,
  operation: string,
  userInfo: userType,
  dryRun: bool,
  options: dyn,
});
const namespaceType = objectType("kubernetes.Namespace", {
  metadata: objectType("kubernetes.NamespaceMetadata", {
    name: string,
    generateName: string,
    namespace: string,
    labels: mapOf(string, string),
    annotations: mapOf(string, string),
    UID: string,
    creationTimestamp: timestamp,
    deletionGracePeriodSeconds: int,
    deletionTimestamp: timestamp,
    generation: int,
    resourceVersion: string,
    finalizers: listOf(string),
  }),
  spec: objectType("kubernetes.NamespaceSpec", { finalizers: listOf(string) }),
  status: objectType("kubernetes.NamespaceStatus", {
    conditions: listOf(
      objectType("kubernetes.NamespaceCondition", {
        status: string,
        type: string,
        lastTransitionTime: timestamp,
        message: string,
        reason: string,
      }),
    ),
    phase: string,
  }),
});

export interface EnvironmentOptions {
  readonly authorizer: boolean;
  /** Whether there are params; of a type where it is known. */
  readonly params?: CelType;
  /** The type of object and oldObject where it is known. */
  readonly object?: CelType;
  /** What earlier variables of a policy gave, by their names. */
  readonly variables?: Readonly<Record<string, CelType>>;
  /** Whether patches can be built: `Object{...}` and `JSONPatch{...}`. */
  readonly patches?: boolean;
}

const patchParts = { libraries: [...kubernetesLibraries, "mutation"], structs: mutationStructs } as const;

/** The type of `variables` in a policy that has these. */
export function variablesType(variables: Readonly<Record<string, CelType>>): CelObjectType {
  return objectType("kubernetes.variables", variables);
}

/** What expressions of admission may name: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/ */
export function admissionEnvironment({
  authorizer,
  params,
  object = dyn,
  variables,
  patches = false,
}: EnvironmentOptions): CelEnvironment {
  return {
    ...(patches ? patchParts : {}),
    variables: {
      object,
      oldObject: object,
      request: requestType,
      namespaceObject: namespaceType,
      ...(params ? { params } : {}),
      ...(variables ? { variables: variablesType(variables) } : {}),
      ...(authorizer
        ? {
            authorizer: opaque("kubernetes.authorization.Authorizer"),
            "authorizer.requestResource": opaque("kubernetes.authorization.ResourceCheck"),
          }
        : {}),
    },
  };
}
