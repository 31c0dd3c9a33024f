import { story } from "../../tools/story.ts";
import { sortedSince134 } from "./differences.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** `kubectl describe` of configuration, accounts, limits and scaling. */
export const dataDescriptions = [
  story({
    name: "describe configuration",
    objects: [
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "one", labels: { a: "b" } },
        data: { "file.txt": "first\n  second\tcell\nthird\n" },
        binaryData: { "b.bin": base64("\x00\x01\x02") },
      },
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "many" },
        data: { b: "2", a: "1", d: "4", c: "3" },
        binaryData: { f: base64("6"), e: base64("55") },
      },
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "many" },
        data: { b: base64("2"), a: base64("11"), d: base64("4"), c: base64("3") },
      },
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "none" } },
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "odd" }, data: { k: "\x1b[31mred\rback" } },
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "one" },
        type: "Opaque",
        data: { password: base64("geheim") },
      },
      { apiVersion: "v1", kind: "Secret", metadata: { name: "none" } },
      {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "robot" },
        secrets: [{ name: "one" }, { name: "missing" }],
        imagePullSecrets: [{ name: "pull" }, { name: "none" }],
      },
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: {
          name: "token",
          annotations: {
            "kubernetes.io/service-account.name": "robot",
            "kubernetes.io/service-account.uid": "UID-OF:ServiceAccount/robot",
          },
        },
        type: "kubernetes.io/service-account-token",
        data: { token: base64("abc") },
      },
    ],
    steps: [
      "describe cm one",
      sortedSince134("describe cm many"),
      sortedSince134("describe secret many"),
      "describe cm none",
      "describe cm odd",
      "describe cm none --show-events=false",
      "describe secret one",
      "describe secret none",
      "describe secret token",
      "describe sa robot",
      "describe sa default",
    ],
  }),
  story({
    name: "describe namespaces and limits",
    objects: [
      {
        apiVersion: "v1",
        kind: "ResourceQuota",
        metadata: { name: "second" },
        spec: { hard: { pods: "4", "requests.cpu": "2", memory: "4Gi" } },
        status: {
          hard: { pods: "4", "requests.cpu": "2", memory: "4Gi" },
          used: { pods: "1", "requests.cpu": "500m", memory: "1G" },
        },
      },
      {
        apiVersion: "v1",
        kind: "ResourceQuota",
        metadata: { name: "first" },
        spec: { hard: { pods: "4" }, scopes: ["NotTerminating", "BestEffort"] },
        status: { hard: { pods: "4" }, used: { pods: "1" } },
      },
      {
        apiVersion: "v1",
        kind: "ResourceQuota",
        metadata: { name: "third" },
        spec: { hard: { pods: "4" }, scopes: ["Terminating", "NotBestEffort"] },
      },
      {
        apiVersion: "v1",
        kind: "LimitRange",
        metadata: { name: "limits" },
        spec: {
          limits: [
            { type: "Pod", max: { cpu: "2" }, min: { cpu: "100m" }, maxLimitRequestRatio: { cpu: "4" } },
            { type: "Container", default: { cpu: "1" }, defaultRequest: { cpu: "0.5" } },
            { type: "PersistentVolumeClaim", max: { storage: "10Gi" } },
          ],
        },
      },
      {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: "describe-conditions", labels: { a: "b" }, annotations: { c: "d" } },
        status: {
          phase: "Active",
          conditions: [
            {
              type: "NamespaceDeletionContentFailure",
              status: "False",
              reason: "Fine",
              message: "all gone",
              lastTransitionTime: "2016-03-17T10:00:00Z",
            },
          ],
        },
      },
    ],
    steps: [
      "describe ns describe-namespaces-and-limits",
      "describe ns describe-conditions",
      "describe quota second",
      "describe quota first",
      "describe quota third",
      "describe limits limits",
    ],
  }),
  story({
    name: "describe autoscalers and budgets",
    objects: [
      {
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name: "full", labels: { a: "b" } },
        spec: {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
          minReplicas: 2,
          maxReplicas: 10,
          metrics: [
            { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } } },
            {
              type: "Resource",
              resource: { name: "memory", target: { type: "AverageValue", averageValue: "1024Mi" } },
            },
            {
              type: "ContainerResource",
              containerResource: {
                name: "cpu",
                container: "web",
                target: { type: "Utilization", averageUtilization: 50 },
              },
            },
            {
              type: "ContainerResource",
              containerResource: {
                name: "cpu",
                container: "web",
                target: { type: "AverageValue", averageValue: "100m" },
              },
            },
            { type: "Pods", pods: { metric: { name: "hits" }, target: { type: "AverageValue", averageValue: "1k" } } },
            {
              type: "Object",
              object: {
                metric: { name: "rate" },
                describedObject: { apiVersion: "v1", kind: "Service", name: "web" },
                target: { type: "Value", value: "2k" },
              },
            },
            {
              type: "Object",
              object: {
                metric: { name: "rate" },
                describedObject: { apiVersion: "v1", kind: "Service", name: "web" },
                target: { type: "AverageValue", averageValue: "10" },
              },
            },
            { type: "External", external: { metric: { name: "queue" }, target: { type: "Value", value: "30" } } },
            {
              type: "External",
              external: { metric: { name: "queue" }, target: { type: "AverageValue", averageValue: "5" } },
            },
          ],
          behavior: {
            scaleUp: {
              stabilizationWindowSeconds: 30,
              policies: [
                { type: "Pods", value: 4, periodSeconds: 15 },
                { type: "Percent", value: 100, periodSeconds: 60 },
              ],
            },
            scaleDown: { selectPolicy: "Disabled" },
          },
        },
        status: {
          currentReplicas: 3,
          desiredReplicas: 4,
          currentMetrics: [
            { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 40, averageValue: "400m" } } },
            { type: "Resource", resource: { name: "memory", current: { averageValue: "512Mi" } } },
            {
              type: "ContainerResource",
              containerResource: {
                name: "cpu",
                container: "web",
                current: { averageUtilization: 20, averageValue: "200m" },
              },
            },
            {
              type: "ContainerResource",
              containerResource: { name: "cpu", container: "web", current: { averageValue: "50m" } },
            },
            { type: "Pods", pods: { metric: { name: "hits" }, current: { averageValue: "500" } } },
            {
              type: "Object",
              object: {
                metric: { name: "rate" },
                describedObject: { kind: "Service", name: "web" },
                current: { value: "1k" },
              },
            },
            {
              type: "Object",
              object: {
                metric: { name: "rate" },
                describedObject: { kind: "Service", name: "web" },
                current: { value: "0", averageValue: "7" },
              },
            },
            { type: "External", external: { metric: { name: "queue" }, current: { value: "20" } } },
            { type: "External", external: { metric: { name: "queue" }, current: { averageValue: "4" } } },
          ],
          conditions: [
            {
              type: "AbleToScale",
              status: "True",
              reason: "Ready",
              message: "recommended",
              lastTransitionTime: "2016-03-17T10:00:00Z",
            },
          ],
        },
      },
      {
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name: "bare" },
        spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" }, maxReplicas: 3 },
      },
      {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: { name: "least" },
        spec: { minAvailable: "50%", selector: { matchLabels: { app: "web" } } },
        status: { disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2, expectedPods: 4, observedGeneration: 1 },
      },
      {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: { name: "most" },
        spec: { maxUnavailable: 1 },
      },
    ],
    steps: [
      "describe hpa full",
      "describe hpa bare",
      "describe hpa.v1.autoscaling bare",
      "describe pdb least",
      "describe pdb most",
    ],
  }),
];
