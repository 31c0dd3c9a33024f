import { story } from "../../tools/story.ts";
import { daemonSetsSince133 } from "./differences.ts";

const template = (app: string, more: object = {}) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: "web", image: `${app}:1`, ports: [{ containerPort: 8080 }] }], ...more },
});

const selecting = (app: string) => ({ matchLabels: { app } });

const fullTemplate = {
  metadata: { labels: { app: "full", tier: "front" }, annotations: { note: "a", other: "b" } },
  spec: {
    serviceAccountName: "robot",
    nodeSelector: { disk: "ssd" },
    tolerations: [{ key: "a", operator: "Exists" }],
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }],
    initContainers: [{ name: "first", image: "busybox" }],
    containers: [
      {
        name: "web",
        image: "web:2",
        env: [
          { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "CPU", valueFrom: { resourceFieldRef: { resource: "requests.cpu" } } },
        ],
        resources: { requests: { cpu: "1" } },
        livenessProbe: { httpGet: { port: "http" } },
        volumeMounts: [{ name: "data", mountPath: "/data" }],
      },
    ],
    volumes: [
      { name: "data", emptyDir: {} },
      {
        name: "late",
        ephemeral: {
          volumeClaimTemplate: {
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
          },
        },
      },
    ],
  },
};

const owned = (kind: string, name: string, apiVersion = "apps/v1") => [
  { apiVersion, kind, name, uid: `UID-OF:${kind}/${name}`, controller: true },
];

const podOf = (kind: string, owner: string, name: string, app: string, phase: string, apiVersion?: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app }, ownerReferences: owned(kind, owner, apiVersion) },
  spec: { containers: [{ name: "web", image: "a" }] },
  status: { phase },
});

const replicaSet = (name: string, owner: string, image: string, replicas: number) => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: { name, labels: { app: owner, "pod-template-hash": image }, ownerReferences: owned("Deployment", owner) },
  spec: {
    replicas,
    selector: { matchLabels: { app: owner, "pod-template-hash": image } },
    template: {
      metadata: { labels: { app: owner, "pod-template-hash": image } },
      spec: { containers: [{ name: "web", image: `${owner}:${image}`, ports: [{ containerPort: 8080 }] }] },
    },
  },
  status: { replicas, fullyLabeledReplicas: replicas },
});

const eventAbout = (kind: string, name: string) => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { name: `${kind.toLowerCase()}-${name}` },
  involvedObject: { kind, name, namespace: "OWN-NAMESPACE", uid: `UID-OF:${kind}/${name}` },
  type: "Normal",
  reason: "Happened",
  message: "something",
  count: 1,
  firstTimestamp: "2016-03-17T10:00:00Z",
  lastTimestamp: "2016-03-17T10:00:00Z",
  source: { component: "controller" },
});

/** `kubectl describe` of what makes pods. */
export const workloadDescriptions = [
  story({
    name: "describe deployments",
    objects: [
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: {
          name: "web",
          labels: { app: "web" },
          annotations: {
            "deployment.kubernetes.io/revision": "3",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
          },
        },
        spec: { replicas: 3, minReadySeconds: 5, selector: selecting("web"), template: template("web") },
        status: {
          replicas: 4,
          updatedReplicas: 2,
          availableReplicas: 2,
          readyReplicas: 2,
          unavailableReplicas: 2,
          observedGeneration: 1,
          conditions: [
            { type: "Available", status: "True", reason: "MinimumReplicasAvailable" },
            { type: "Progressing", status: "True", reason: "ReplicaSetUpdated" },
          ],
        },
      },
      replicaSet("web-1", "web", "1", 2),
      replicaSet("web-0", "web", "0", 1),
      replicaSet("web-9", "web", "9", 0),
      eventAbout("Deployment", "web"),
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "full" },
        spec: {
          replicas: 0,
          strategy: { type: "Recreate" },
          selector: { matchExpressions: [{ key: "app", operator: "In", values: ["full", "other"] }] },
          template: fullTemplate,
        },
      },
    ],
    steps: [
      "describe deployment web",
      "describe deploy/full",
      "describe deploy",
      "describe rs web-1",
      "describe rs web",
    ],
  }),
  story({
    name: "describe sets of pods",
    objects: [
      {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: { name: "alone" },
        spec: { replicas: 2, selector: selecting("alone"), template: template("alone") },
        status: {
          replicas: 3,
          fullyLabeledReplicas: 3,
          conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "no" }],
        },
      },
      podOf("ReplicaSet", "alone", "alone-a", "alone", "Running"),
      podOf("ReplicaSet", "alone", "alone-b", "alone", "Pending"),
      podOf("ReplicaSet", "alone", "alone-c", "alone", "Failed"),
      {
        apiVersion: "v1",
        kind: "ReplicationController",
        metadata: { name: "old", labels: { a: "1", b: "2" } },
        spec: {
          replicas: 1,
          selector: { app: "old", x: "y" },
          template: { ...template("old"), metadata: { labels: { app: "old", x: "y" } } },
        },
        status: { replicas: 1, fullyLabeledReplicas: 1 },
      },
      {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "db" },
        spec: {
          serviceName: "db",
          replicas: 2,
          selector: selecting("db"),
          template: template("db"),
          updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 1 } },
          volumeClaimTemplates: [
            {
              metadata: { name: "data", labels: { a: "1" }, annotations: { note: "x" } },
              spec: {
                accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
                storageClassName: "fast",
                resources: { requests: { storage: "1024Mi" } },
              },
            },
          ],
        },
        status: { replicas: 2 },
      },
      podOf("StatefulSet", "db", "db-0", "db", "Succeeded"),
      {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "plain" },
        spec: {
          serviceName: "x",
          replicas: 0,
          selector: selecting("plain"),
          template: template("plain"),
          updateStrategy: { type: "OnDelete" },
        },
      },
      {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { name: "agent" },
        spec: {
          selector: selecting("agent"),
          template: template("agent", { nodeSelector: { disk: "ssd", zone: "a" } }),
        },
        status: {
          desiredNumberScheduled: 3,
          currentNumberScheduled: 2,
          updatedNumberScheduled: 1,
          numberAvailable: 1,
          numberMisscheduled: 4,
          numberReady: 1,
        },
      },
      eventAbout("DaemonSet", "agent"),
    ],
    steps: [
      "describe rs alone",
      "describe rc old",
      "describe sts db",
      "describe sts plain",
      daemonSetsSince133("describe ds agent"),
      daemonSetsSince133("describe sts,ds"),
    ],
  }),
  story({
    name: "describe jobs",
    objects: [
      {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name: "once" },
        spec: { template: template("once", { restartPolicy: "Never" }) },
      },
      {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name: "many" },
        spec: {
          completions: 40,
          parallelism: 2,
          completionMode: "Indexed",
          backoffLimit: 3,
          activeDeadlineSeconds: 600,
          ttlSecondsAfterFinished: 60,
          template: template("many", { restartPolicy: "OnFailure" }),
        },
        status: {
          startTime: "2016-03-17T10:00:00Z",
          active: 1,
          ready: 1,
          succeeded: 20,
          failed: 2,
          completedIndexes: "0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38",
        },
      },
      {
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: { name: "nightly", labels: { a: "b" } },
        spec: {
          schedule: "0 3 * * *",
          concurrencyPolicy: "Forbid",
          startingDeadlineSeconds: 30,
          successfulJobsHistoryLimit: 5,
          suspend: true,
          jobTemplate: {
            spec: {
              completions: 2,
              parallelism: 1,
              activeDeadlineSeconds: 5,
              template: template("n", { restartPolicy: "Never" }),
            },
          },
        },
        status: {
          lastScheduleTime: "2016-03-17T03:00:00Z",
          active: [
            { kind: "Job", name: "n-1" },
            { kind: "Job", name: "n-2" },
          ],
        },
      },
      {
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: { name: "bare" },
        spec: { schedule: "* * * * *", jobTemplate: { spec: { template: template("n", { restartPolicy: "Never" }) } } },
      },
      eventAbout("CronJob", "nightly"),
    ],
    steps: ["describe job once", "describe job many", "describe cronjob nightly", "describe cj bare"],
  }),
];
