import { expect, test } from "vitest";
import { decodeValue } from "../machinery/codec-json.ts";
import { deepFreeze } from "../machinery/equality.ts";
import type { KubeObject } from "../machinery/object.ts";
import { StatefulSet } from "./apps/stateful-set.ts";
import { HorizontalPodAutoscaler } from "./autoscaling/horizontal-pod-autoscaler.ts";
import { CronJob } from "./batch/cron-job.ts";
import { Job } from "./batch/job.ts";
import type { Kind, VersionMapping } from "./kind.ts";
import { RuntimeClass } from "./node/runtime-class.ts";
import { PodDisruptionBudget } from "./policy/pod-disruption-budget.ts";
import { ClusterRoleBinding } from "./rbac/cluster-role-binding.ts";
import { ResourceClaim } from "./resource/resource-claim.ts";
import { ResourceSlice } from "./resource/resource-slice.ts";
import { lookupType } from "./type-info.ts";

const metadata = { name: "x", namespace: "default" };
const template = {
  metadata: { labels: { app: "x" } },
  spec: { containers: [{ name: "main", image: "nginx" }] },
};

function versionOf(kind: unknown, name: string): { readonly stored: Kind; readonly mapping: VersionMapping } {
  const stored = kind as Kind;
  const mapping = stored.declaration.versions?.[name];
  if (!mapping) throw new Error(`${stored.kind} is not served in ${name}`);
  return { stored, mapping };
}

function decode(type: string, object: object): KubeObject {
  const info = lookupType(type);
  if (!info) throw new Error(`no type ${type}`);
  return deepFreeze(decodeValue<KubeObject>(info, { metadata, ...object }).object);
}

const cases = [
  {
    kind: StatefulSet,
    version: "apps/v1alpha1",
    given: { apiVersion: "apps/v1alpha1", kind: "PetSet", spec: { serviceName: "db", template } },
    stored: {
      kind: "StatefulSet",
      spec: {
        replicas: 1,
        serviceName: "db",
        selector: { matchLabels: { app: "x" } },
        updateStrategy: { type: "OnDelete" },
      },
    },
  },
  {
    kind: CronJob,
    version: "batch/v2alpha1/scheduledjobs",
    given: {
      apiVersion: "batch/v2alpha1",
      kind: "ScheduledJob",
      spec: { schedule: "* * * * *", jobTemplate: { spec: { template } } },
    },
    stored: { kind: "CronJob", spec: { schedule: "* * * * *", concurrencyPolicy: "Allow" } },
  },
  {
    kind: Job,
    version: "extensions/v1beta1",
    given: { apiVersion: "extensions/v1beta1", kind: "Job", spec: { template } },
    stored: { kind: "Job", spec: { manualSelector: true, selector: { matchLabels: { app: "x" } }, backoffLimit: 6 } },
  },
  {
    kind: HorizontalPodAutoscaler,
    version: "extensions/v1beta1",
    given: {
      apiVersion: "extensions/v1beta1",
      kind: "HorizontalPodAutoscaler",
      spec: { scaleRef: { kind: "Deployment", name: "web" }, maxReplicas: 3 },
    },
    stored: {
      spec: {
        scaleTargetRef: { kind: "Deployment", name: "web" },
        maxReplicas: 3,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
        ],
      },
    },
  },
  {
    kind: PodDisruptionBudget,
    version: "policy/v1alpha1",
    given: {
      apiVersion: "policy/v1alpha1",
      kind: "PodDisruptionBudget",
      spec: { minAvailable: 1, selector: { matchLabels: { app: "x" } } },
    },
    stored: { apiVersion: "policy/v1", spec: { minAvailable: 1 } },
  },
  {
    kind: RuntimeClass,
    version: "node.k8s.io/v1alpha1",
    given: { apiVersion: "node.k8s.io/v1alpha1", kind: "RuntimeClass", spec: { runtimeHandler: "kata" } },
    stored: { handler: "kata" },
  },
  {
    kind: ClusterRoleBinding,
    version: "rbac.authorization.k8s.io/v1alpha1",
    given: {
      apiVersion: "rbac.authorization.k8s.io/v1alpha1",
      kind: "ClusterRoleBinding",
      subjects: [
        { kind: "User", name: "ada" },
        { kind: "ServiceAccount", name: "bot", namespace: "default" },
      ],
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
    },
    stored: {
      subjects: [
        { kind: "User", name: "ada", apiGroup: "rbac.authorization.k8s.io" },
        { kind: "ServiceAccount", name: "bot", namespace: "default" },
      ],
    },
  },
  {
    kind: ResourceClaim,
    version: "resource.k8s.io/v1beta1",
    given: {
      apiVersion: "resource.k8s.io/v1beta1",
      kind: "ResourceClaim",
      spec: { devices: { requests: [{ name: "gpu", deviceClassName: "gpu.example.com", count: 2 }] } },
    },
    stored: {
      spec: { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu.example.com", count: 2 } }] } },
    },
  },
  {
    kind: ResourceSlice,
    version: "resource.k8s.io/v1beta1",
    given: {
      apiVersion: "resource.k8s.io/v1beta1",
      kind: "ResourceSlice",
      spec: {
        driver: "gpu.example.com",
        nodeName: "a",
        pool: { name: "a", generation: 1, resourceSliceCount: 1 },
        devices: [{ name: "gpu-0", basic: { capacity: { memory: { value: "1Gi" } } } }],
      },
    },
    stored: { spec: { nodeName: "a", devices: [{ name: "gpu-0", capacity: { memory: { value: "1Gi" } } }] } },
  },
] as const;

test.each(cases)("$given.apiVersion $given.kind is stored as today's form and comes back as it was", (row) => {
  const { stored, mapping } = versionOf(row.kind, row.version);
  const decoded = decode(mapping.type, row.given);
  const sent = deepFreeze(mapping.defaults?.(decoded) ?? decoded);
  const converted = { ...mapping.toStored(sent), kind: stored.kind, apiVersion: stored.apiVersion };
  const kept = deepFreeze(stored.declaration.defaults?.(converted) ?? converted);
  expect(kept).toMatchObject(row.stored);
  const back = decode(mapping.type, mapping.fromStored(kept));
  expect(back).toMatchObject(row.given);
  expect(mapping.toStored(back)).toEqual(mapping.toStored(deepFreeze(mapping.fromStored(kept))));
});

test("what a version has no words for survives being read and written back in it", () => {
  const { stored, mapping } = versionOf(StatefulSet, "apps/v1alpha1");
  const given = decode("apps/v1.StatefulSet", {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    spec: { serviceName: "db", template, podManagementPolicy: "Parallel", minReadySeconds: 7 },
  });
  const complete = deepFreeze(stored.declaration.defaults?.(given) ?? given);
  const shown = mapping.fromStored(complete);
  expect(Object.keys((shown as KubeObject & { spec: object }).spec)).not.toContain("podManagementPolicy");
  expect(mapping.toStored(decode(mapping.type, shown))).toMatchObject({
    metadata: { ...metadata },
    spec: { podManagementPolicy: "Parallel", minReadySeconds: 7, updateStrategy: { type: "RollingUpdate" } },
  });
});
