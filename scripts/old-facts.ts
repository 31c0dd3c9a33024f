/**
 * The API types of Kubernetes 1.2 to 1.4 that later sources no longer define, in the form of the field tables: each field is
 * `name type number`, with `?` after the name where it may be left out.
 */
export interface OldType {
  readonly fields: readonly string[];
  /** An API object, with kind and apiVersion. */
  readonly resource?: boolean;
  readonly clusterScoped?: boolean;
  readonly introduced?: string;
  readonly removed?: string;
}

export interface OldPackage {
  readonly group: string;
  readonly package: string;
  readonly types: Readonly<Record<string, OldType>>;
}

const life = (introduced: string, removed: string) => ({ introduced, removed });

/** An object with metadata, spec and status as most have them, and its list. */
function objectAndList(
  name: string,
  owner: string,
  facts: Omit<OldType, "fields" | "resource">,
): Record<string, OldType> {
  return {
    [name]: {
      fields: ["metadata? meta/v1.ObjectMeta 1", `spec? ${owner}.${name}Spec 2`, `status? ${owner}.${name}Status 3`],
      resource: true,
      ...facts,
    },
    [`${name}List`]: {
      fields: ["metadata? meta/v1.ListMeta 1", `items []${owner}.${name} 2`],
      resource: true,
      introduced: facts.introduced,
      removed: facts.removed,
    },
  };
}

/** Fields that types of later sources had once, by type. */
export const oldFields: Readonly<Record<string, readonly string[]>> = {
  // As Hypernetes had it, printed in 2016: the Network that the namespace's pods are in.
  "core/v1.NamespaceSpec": ["network? *string 1001"],
};

export const oldPackages: readonly OldPackage[] = [
  {
    group: "",
    package: "core/v1",
    types: {
      ...objectAndList("Network", "core/v1", { introduced: "1.2", clusterScoped: true }),
      NetworkSpec: { fields: ["tenantID? string 1", "subnets? map[string]core/v1.NetworkSubnet 2"] },
      NetworkSubnet: { fields: ["cidr string 1", "gateway? string 2"] },
      NetworkStatus: { fields: ["phase? string 1"] },
    },
  },
  {
    group: "apps",
    package: "apps/v1alpha1",
    types: {
      ...objectAndList("PetSet", "apps/v1alpha1", life("1.3", "1.5")),
      PetSetSpec: {
        fields: [
          "replicas? *int32 1",
          "selector? *meta/v1.LabelSelector 2",
          "template core/v1.PodTemplateSpec 3",
          "volumeClaimTemplates? []core/v1.PersistentVolumeClaim 4",
          "serviceName string 5",
        ],
      },
      PetSetStatus: { fields: ["observedGeneration? *int64 1", "replicas int32 2"] },
    },
  },
  {
    group: "extensions",
    package: "extensions/v1beta1",
    types: {
      ThirdPartyResource: {
        fields: [
          "metadata? meta/v1.ObjectMeta 1",
          "description? string 2",
          "versions? []extensions/v1beta1.APIVersion 3",
        ],
        resource: true,
        clusterScoped: true,
        ...life("1.1", "1.8"),
      },
      ThirdPartyResourceList: {
        fields: ["metadata? meta/v1.ListMeta 1", "items []extensions/v1beta1.ThirdPartyResource 2"],
        resource: true,
        ...life("1.1", "1.8"),
      },
      APIVersion: { fields: ["name? string 1"] },
      ...objectAndList("Job", "extensions/v1beta1", life("1.1", "1.6")),
      JobSpec: {
        fields: [
          "parallelism? *int32 1",
          "completions? *int32 2",
          "activeDeadlineSeconds? *int64 3",
          "selector? *meta/v1.LabelSelector 4",
          "autoSelector? *bool 5",
          "template core/v1.PodTemplateSpec 6",
        ],
      },
      JobStatus: {
        fields: [
          "conditions? []extensions/v1beta1.JobCondition 1",
          "startTime? *meta/v1.Time 2",
          "completionTime? *meta/v1.Time 3",
          "active? int32 4",
          "succeeded? int32 5",
          "failed? int32 6",
        ],
      },
      JobCondition: {
        fields: [
          "type string 1",
          "status string 2",
          "lastProbeTime? meta/v1.Time 3",
          "lastTransitionTime? meta/v1.Time 4",
          "reason? string 5",
          "message? string 6",
        ],
      },
      ...objectAndList("HorizontalPodAutoscaler", "extensions/v1beta1", life("1.1", "1.6")),
      SubresourceReference: {
        fields: ["kind? string 1", "name? string 2", "apiVersion? string 3", "subresource? string 4"],
      },
      CPUTargetUtilization: { fields: ["targetPercentage int32 1"] },
      HorizontalPodAutoscalerSpec: {
        fields: [
          "scaleRef extensions/v1beta1.SubresourceReference 1",
          "minReplicas? *int32 2",
          "maxReplicas int32 3",
          "cpuUtilization? *extensions/v1beta1.CPUTargetUtilization 4",
        ],
      },
      HorizontalPodAutoscalerStatus: {
        fields: [
          "observedGeneration? *int64 1",
          "lastScaleTime? *meta/v1.Time 2",
          "currentReplicas int32 3",
          "desiredReplicas int32 4",
          "currentCPUUtilizationPercentage? *int32 5",
        ],
      },
    },
  },
  {
    group: "batch",
    package: "batch/v2alpha1",
    types: {
      ...objectAndList("ScheduledJob", "batch/v2alpha1", life("1.4", "1.8")),
      ScheduledJobSpec: {
        fields: [
          "schedule string 1",
          "startingDeadlineSeconds? *int64 2",
          "concurrencyPolicy? string 3",
          "suspend? *bool 4",
          "jobTemplate batch/v2alpha1.JobTemplateSpec 5",
        ],
      },
      ScheduledJobStatus: {
        fields: ["active? []core/v1.ObjectReference 1", "lastScheduleTime? *meta/v1.Time 4"],
      },
    },
  },
  {
    group: "policy",
    package: "policy/v1alpha1",
    types: {
      ...objectAndList("PodDisruptionBudget", "policy/v1alpha1", life("1.3", "1.5")),
      PodDisruptionBudgetSpec: {
        fields: ["minAvailable? intstr.IntOrString 1", "selector? *meta/v1.LabelSelector 2"],
      },
      PodDisruptionBudgetStatus: {
        fields: [
          "disruptionAllowed bool 1",
          "currentHealthy int32 2",
          "desiredHealthy int32 3",
          "expectedPods int32 4",
        ],
      },
    },
  },
  {
    group: "certificates.k8s.io",
    package: "certificates/v1alpha1",
    types: {
      ...objectAndList("CertificateSigningRequest", "certificates/v1alpha1", {
        clusterScoped: true,
        ...life("1.4", "1.6"),
      }),
      CertificateSigningRequestSpec: {
        fields: ["request []byte 1", "username? string 2", "uid? string 3", "groups? []string 4"],
      },
      CertificateSigningRequestStatus: {
        fields: ["conditions? []certificates/v1alpha1.CertificateSigningRequestCondition 1", "certificate? []byte 2"],
      },
      CertificateSigningRequestCondition: {
        fields: ["type string 1", "reason? string 2", "message? string 3", "lastUpdateTime? meta/v1.Time 4"],
      },
    },
  },
  {
    group: "federation",
    package: "federation/v1beta1",
    types: {
      ...objectAndList("Cluster", "federation/v1beta1", { clusterScoped: true, ...life("1.3", "1.11") }),
      ServerAddressByClientCIDR: { fields: ["clientCIDR string 1", "serverAddress string 2"] },
      ClusterSpec: {
        fields: [
          "serverAddressByClientCIDRs []federation/v1beta1.ServerAddressByClientCIDR 1",
          "secretRef? *core/v1.LocalObjectReference 2",
        ],
      },
      ClusterCondition: {
        fields: [
          "type string 1",
          "status string 2",
          "lastProbeTime? meta/v1.Time 3",
          "lastTransitionTime? meta/v1.Time 4",
          "reason? string 5",
          "message? string 6",
        ],
      },
      ClusterStatus: {
        fields: ["conditions? []federation/v1beta1.ClusterCondition 1", "zones? []string 5", "region? string 6"],
      },
    },
  },
];
