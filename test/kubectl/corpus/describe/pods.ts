import { pod } from "../../tools/objects.ts";
import { story } from "../../tools/story.ts";
import { deletedFrom } from "../../tools/versions.ts";
import { optionalSince133, portNamesSince134 } from "./differences.ts";

/** A pod without a token, whose volume has a name made by chance. */
const quiet = (name: string, labels: Readonly<Record<string, string>> = {}) => {
  const made = pod(name, labels);
  return { ...made, spec: { ...made.spec, automountServiceAccountToken: false } };
};

const probe = { initialDelaySeconds: 3, timeoutSeconds: 2, periodSeconds: 5, successThreshold: 1, failureThreshold: 4 };

const rich = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "rich",
    labels: { app: "rich", tier: "front" },
    annotations: { short: "text", lines: "one\ntwo\n", long: "x".repeat(200) },
  },
  spec: {
    nodeName: "somewhere",
    nodeSelector: { disk: "ssd", zone: "a" },
    priority: 0,
    serviceAccountName: "default",
    automountServiceAccountToken: false,
    securityContext: { seccompProfile: { type: "Localhost", localhostProfile: "profiles/a.json" } },
    readinessGates: [{ conditionType: "example.com/ready" }, { conditionType: "example.com/none" }],
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "zone",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: { app: "rich" }, matchExpressions: [{ key: "x", operator: "Exists" }] },
      },
      { maxSkew: 2, topologyKey: "host", whenUnsatisfiable: "ScheduleAnyway" },
    ],
    tolerations: [
      { key: "b", operator: "Exists", effect: "NoExecute", tolerationSeconds: 30 },
      { key: "a", operator: "Equal", value: "x", effect: "NoSchedule" },
      { operator: "Exists" },
    ],
    initContainers: [
      { name: "first", image: "busybox", command: ["sh", "-c", "echo a\necho b"], args: ["x"] },
      { name: "side", image: "busybox", restartPolicy: "Always", startupProbe: { exec: { command: ["a", "b"] } } },
    ],
    containers: [
      {
        name: "web",
        image: "web:1",
        args: ["--all", "one\ntwo"],
        ports: [{ containerPort: 80 }, { containerPort: 53, protocol: "UDP", hostPort: 5353 }],
        securityContext: { seccompProfile: { type: "RuntimeDefault" } },
        resources: {
          limits: { memory: "1024Mi", cpu: "1500m" },
          requests: { memory: "0.5Gi", cpu: "250m", "ephemeral-storage": "1G" },
        },
        livenessProbe: { httpGet: { path: "healthz?full=1", port: 8080, scheme: "HTTPS", host: "::1" }, ...probe },
        readinessProbe: { tcpSocket: { port: "named" }, ...probe },
        startupProbe: { grpc: { port: 9000, service: "health" }, ...probe },
        envFrom: [{ configMapRef: { name: "all" } }, { prefix: "P_", secretRef: { name: "hidden", optional: true } }],
        env: [
          { name: "PLAIN", value: "text" },
          { name: "LINES", value: "one\ntwo" },
          { name: "EMPTY" },
          { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "SPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
          { name: "LABEL", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
          { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
          { name: "MEMORY", valueFrom: { resourceFieldRef: { resource: "requests.memory", divisor: "1Mi" } } },
          { name: "DISK", valueFrom: { resourceFieldRef: { resource: "limits.ephemeral-storage" } } },
          { name: "SECRET", valueFrom: { secretKeyRef: { name: "hidden", key: "password" } } },
          { name: "CONFIG", valueFrom: { configMapKeyRef: { name: "all", key: "k", optional: true } } },
        ],
        volumeMounts: [
          { name: "empty", mountPath: "/z", subPath: "inner dir" },
          { name: "config", mountPath: "/a", readOnly: true },
        ],
        volumeDevices: [{ name: "claim", devicePath: "/dev/xvda" }],
      },
      {
        name: "bare",
        image: "bare",
        env: [{ name: "C", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } }],
      },
    ],
    volumes: [
      { name: "empty", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } },
      { name: "config", configMap: { name: "all", optional: true } },
      { name: "claim", persistentVolumeClaim: { claimName: "data" } },
    ],
  },
  status: {
    phase: "Running",
    reason: "Because",
    message: "of something",
    hostIP: "10.0.0.9",
    podIP: "10.1.0.4",
    podIPs: [{ ip: "10.1.0.4" }, { ip: "fd00::4" }],
    startTime: "2016-03-17T10:00:00Z",
    nominatedNodeName: "elsewhere",
    qosClass: "Burstable",
    conditions: [
      { type: "Ready", status: "True" },
      { type: "example.com/ready", status: "False" },
    ],
    initContainerStatuses: [
      {
        name: "first",
        image: "busybox",
        imageID: "sha256:1",
        containerID: "containerd://1",
        ready: true,
        restartCount: 0,
        state: {
          terminated: {
            exitCode: 0,
            reason: "Completed",
            startedAt: "2016-03-17T10:00:01Z",
            finishedAt: "2016-03-17T10:00:02Z",
          },
        },
      },
    ],
    containerStatuses: [
      {
        name: "web",
        image: "web:1",
        imageID: "sha256:2",
        containerID: "containerd://2",
        ready: true,
        restartCount: 3,
        state: { running: { startedAt: "2016-03-17T10:00:03Z" } },
        lastState: {
          terminated: {
            exitCode: 137,
            signal: 9,
            reason: "OOMKilled",
            message: "too much",
            startedAt: "2016-03-17T10:00:01Z",
            finishedAt: "2016-03-17T10:00:02Z",
          },
        },
      },
      {
        name: "bare",
        image: "bare",
        imageID: "",
        ready: false,
        restartCount: 0,
        state: { waiting: { reason: "ImagePullBackOff", message: "not there" } },
      },
    ],
  },
};

const volume = (name: string, source: object) => ({ name, ...source });

const volumes = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "volumes" },
  spec: {
    automountServiceAccountToken: false,
    containers: [{ name: "main", image: "a" }],
    volumes: [
      volume("host", { hostPath: { path: "/data", type: "Directory" } }),
      volume("host-any", { hostPath: { path: "/data" } }),
      volume("empty", { emptyDir: {} }),
      volume("gce", { gcePersistentDisk: { pdName: "disk", fsType: "ext4", partition: 2, readOnly: true } }),
      volume("aws", { awsElasticBlockStore: { volumeID: "vol" } }),
      volume("git", { gitRepo: { repository: "https://example.com/a.git", revision: "abc" } }),
      volume("secret", { secret: { secretName: "hidden" } }),
      volume("map", { configMap: { name: "all" } }),
      volume("nfs", { nfs: { server: "files", path: "/x", readOnly: true } }),
      volume("iscsi", {
        iscsi: {
          targetPortal: "10.0.0.1:3260",
          iqn: "iqn.2001-04.com.example:a",
          lun: 1,
          portals: ["10.0.0.2"],
          secretRef: { name: "s" },
        },
      }),
      volume("glusterfs", { glusterfs: { endpoints: "e", path: "p" } }),
      volume("claim", { persistentVolumeClaim: { claimName: "data", readOnly: true } }),
      volume("rbd", { rbd: { monitors: ["a:1", "b:2"], image: "i", secretRef: { name: "s" } } }),
      volume("quobyte", { quobyte: { registry: "r:1", volume: "v" } }),
      volume("down", {
        downwardAPI: {
          items: [
            { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
            { path: "cpu", resourceFieldRef: { containerName: "main", resource: "limits.cpu" } },
          ],
        },
      }),
      volume("azure", { azureDisk: { diskName: "d", diskURI: "https://blob/d.vhd" } }),
      volume("vsphere", { vsphereVolume: { volumePath: "[ds] v", fsType: "ext4" } }),
      volume("cinder", { cinder: { volumeID: "v", secretRef: { name: "s" } } }),
      volume("photon", { photonPersistentDisk: { pdID: "p" } }),
      volume("portworx", { portworxVolume: { volumeID: "v" } }),
      volume("scale", { scaleIO: { gateway: "g", system: "s", secretRef: { name: "s" }, volumeName: "v" } }),
      volume("cephfs", { cephfs: { monitors: ["a"], path: "/p", user: "u" } }),
      volume("storageos", { storageos: { volumeName: "v", volumeNamespace: "n" } }),
      volume("fc", { fc: { targetWWNs: ["a", "b"], lun: 2 } }),
      volume("azure-file", { azureFile: { secretName: "s", shareName: "n" } }),
      volume("flex", { flexVolume: { driver: "example.com/d", options: { b: "2", a: "1" } } }),
      volume("flocker", { flocker: { datasetName: "d" } }),
      volume("projected", {
        projected: {
          sources: [
            { secret: { name: "s", optional: true } },
            { downwardAPI: { items: [{ path: "n", fieldRef: { fieldPath: "metadata.name" } }] } },
            { configMap: { name: "c" } },
            { serviceAccountToken: { path: "token", expirationSeconds: 3607 } },
          ],
        },
      }),
      volume("csi", { csi: { driver: "example.com", fsType: "xfs", volumeAttributes: { b: "2", a: "1" } } }),
      volume("csi-bare", { csi: { driver: "example.com" } }),
      volume("image", { image: { reference: "registry/a:1", pullPolicy: "Always" } }),
      volume("ephemeral", {
        ephemeral: {
          volumeClaimTemplate: {
            metadata: { labels: { a: "1", b: "2" } },
            spec: {
              accessModes: ["ReadWriteOnce"],
              storageClassName: "fast",
              volumeMode: "Filesystem",
              dataSource: { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "s" },
              resources: { requests: { storage: "1Gi" } },
            },
          },
        },
      }),
    ],
  },
};

const named = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "named" },
  spec: {
    automountServiceAccountToken: false,
    containers: [
      {
        name: "main",
        image: "a",
        ports: [
          { name: "http", containerPort: 80 },
          { name: "dns", containerPort: 53, protocol: "UDP", hostPort: 5353 },
        ],
      },
    ],
  },
};

/** Stays after it was deleted, since nobody takes its finalizer away. */
const leaving = { ...quiet("leaving"), metadata: { name: "leaving", finalizers: ["example.com/stay"] } };

const failed = {
  ...quiet("failed"),
  status: {
    phase: "Failed",
    containerStatuses: [{ name: "main", image: "a", imageID: "", ready: false, restartCount: 1, state: {} }],
    conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "no node" }],
  },
};

const event = (name: string, more: object) => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { name },
  involvedObject: { kind: "Pod", name: "plain", namespace: "OWN-NAMESPACE", uid: "UID-OF:Pod/plain", apiVersion: "v1" },
  ...more,
});

const events = [
  event("e1", {
    type: "Warning",
    reason: "BackOff",
    message: " Back-off restarting failed container \n",
    source: { component: "kubelet", host: "somewhere" },
    firstTimestamp: "2016-03-17T10:00:00Z",
    lastTimestamp: "2016-06-17T10:00:00Z",
    count: 12,
  }),
  event("e2", {
    type: "Normal",
    reason: "Scheduled",
    message: "Successfully assigned",
    reportingComponent: "default-scheduler",
    reportingInstance: "a",
    action: "Binding",
    eventTime: "2016-03-17T09:59:00.000000Z",
  }),
  event("e3", {
    type: "Normal",
    reason: "Again",
    message: "seen in a series",
    source: { component: "someone" },
    firstTimestamp: "2016-03-17T10:00:00Z",
    lastTimestamp: "2016-04-17T10:00:00Z",
    series: { count: 7, lastObservedTime: "2016-05-17T10:00:00.000000Z" },
    reportingComponent: "someone",
    reportingInstance: "a",
    action: "Doing",
    eventTime: "2016-03-17T10:00:00.000000Z",
  }),
];

/** `kubectl describe pod` */
export const podStories = [
  story({
    name: "describe pods",
    objects: [quiet("plain"), ...events, rich, volumes, named, leaving, failed],
    steps: [
      "describe pod plain",
      "describe pod rich",
      "describe pod failed",
      deletedFrom("delete pod leaving --wait=false"),
      "describe pod leaving",
      optionalSince133("describe pod volumes"),
      portNamesSince134("describe pod named", {
        "80/TCP": "http",
        "5353/UDP": "dns",
        "0/TCP": "http",
        "53/UDP": "dns",
      }),
      "describe pod/plain --show-events=false",
    ],
  }),
  story({
    name: "describe selects",
    objects: [
      quiet("web-1", { app: "web" }),
      quiet("web-2", { app: "web" }),
      quiet("db", { app: "db" }),
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "web-1" }, data: { a: "1" } },
      {
        ...event("gone", { type: "Normal", reason: "Killing", message: "Stopping container", count: 1 }),
        involvedObject: { kind: "Pod", name: "gone", namespace: "OWN-NAMESPACE" },
      },
    ],
    files: {
      "pod.json": JSON.stringify({ ...quiet("db") }),
      "gone.json": JSON.stringify(pod("gone")),
      "all/none.json": JSON.stringify(quiet("none")),
      "all/deep/db.json": JSON.stringify(quiet("db")),
    },
    steps: [
      "describe",
      "describe pods",
      "describe pods db",
      "describe pods web",
      "describe pods web --show-events",
      "describe pods nothing",
      "describe pods/web",
      "describe pods/db pods/web-1",
      "describe pods db web-1",
      "describe pods db nothing",
      "describe pods,configmaps web-1",
      "describe pods,configmaps db",
      "describe pods -l app=web",
      "describe pods -l app=web --show-events=true",
      "describe pods -l app=none",
      "describe pods -l app=none -A",
      "describe pods db -l app=web",
      "describe pods db -A",
      "describe nothing",
      "describe nothing a",
      "describe pods --chunk-size=1 -l app=web",
      "describe -f pod.json",
      "describe -f all",
      "describe -f all -R",
      "describe -f none.json",
      "describe -f gone.json",
      "describe -f gone.json --show-events=false",
      "describe -f pod.json pods",
      "describe pods --nope",
      "describe pods --chunk-size=x",
      "describe secrets",
      "describe secrets -A -l a=b",
    ],
  }),
];
