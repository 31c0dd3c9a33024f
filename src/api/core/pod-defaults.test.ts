import { describe, expect, it } from "vitest";
import { Deployment } from "../apps/deployment.ts";
import { created, received } from "../kind-fixture.ts";
import { Pod } from "./pod.ts";

const container = { name: "c", image: "img:1" };

function containerOf(more: object, spec: object = {}) {
  return received(Pod, { spec: { containers: [{ ...container, ...more }], ...spec } }).spec.containers[0];
}

function volumeOf(source: object) {
  return received(Pod, { spec: { containers: [container], volumes: [{ name: "v", ...source }] } }).spec.volumes?.[0];
}

describe("a pod that says little", () => {
  it("restarts always, asks the cluster's DNS, has thirty seconds to end, and is pending at best effort", () => {
    const { spec, status } = created(Pod, { spec: { containers: [container] } });
    expect(spec).toEqual({
      containers: [
        {
          ...container,
          resources: {},
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File",
          imagePullPolicy: "IfNotPresent",
        },
      ],
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      securityContext: {},
      schedulerName: "default-scheduler",
      enableServiceLinks: true,
    });
    expect(status).toEqual({ phase: "Pending", qosClass: "BestEffort" });
  });

  it.each([
    ["img", "Always"],
    ["img:latest", "Always"],
    ["reg:5000/img", "Always"],
    ["reg:5000/img:v1", "IfNotPresent"],
    ["img@sha256:e3b0", "IfNotPresent"],
  ])("pulls %s by the policy %s", (image, policy) => {
    expect(containerOf({ image })?.imagePullPolicy).toBe(policy);
  });

  it("gets the times and thresholds of its probes", () => {
    expect(containerOf({ livenessProbe: { httpGet: { port: 80 } } })?.livenessProbe).toEqual({
      httpGet: { port: 80, path: "/", scheme: "HTTP" },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    });
  });

  it("asks for what its limits allow, where it asks for nothing", () => {
    const resources = { limits: { cpu: "0.5", memory: "1024Mi" }, requests: { cpu: "100m" } };
    expect(containerOf({ resources })?.resources).toEqual({
      limits: { cpu: "500m", memory: "1Gi" },
      requests: { cpu: "100m", memory: "1Gi" },
    });
  });

  it("takes its ports on the host's network", () => {
    const ports = [{ containerPort: 80 }, { containerPort: 53, protocol: "UDP" }];
    expect(containerOf({ ports }, { hostNetwork: true })?.ports).toEqual([
      { containerPort: 80, protocol: "TCP", hostPort: 80 },
      { containerPort: 53, protocol: "UDP", hostPort: 53 },
    ]);
  });

  it.each([
    ["a volume without a source", {}, { emptyDir: {} }],
    ["a secret", { secret: { secretName: "s" } }, { secret: { secretName: "s", defaultMode: 420 } }],
    ["a host path", { hostPath: { path: "/d" } }, { hostPath: { path: "/d", type: "" } }],
    [
      "a projected token",
      { projected: { sources: [{ serviceAccountToken: { path: "t" } }] } },
      { projected: { sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 3600 } }], defaultMode: 420 } },
    ],
    [
      "a field of the pod",
      { downwardAPI: { items: [{ path: "l", fieldRef: { fieldPath: "metadata.labels" } }] } },
      {
        downwardAPI: {
          items: [{ path: "l", fieldRef: { apiVersion: "v1", fieldPath: "metadata.labels" } }],
          defaultMode: 420,
        },
      },
    ],
  ])("%s gets what it did not say", (_what, given, wanted) => {
    expect(volumeOf(given)).toEqual({ name: "v", ...wanted });
  });

  it("has its service account under both names, whichever was given", () => {
    for (const name of ["serviceAccount", "serviceAccountName"]) {
      const { spec } = received(Pod, { spec: { containers: [container], [name]: "sa" } });
      expect([spec.serviceAccount, spec.serviceAccountName]).toEqual(["sa", "sa"]);
    }
  });

  it("has its address under both names, the single one leading", () => {
    const { status } = received(Pod, { spec: { containers: [container] }, status: { podIP: "10.0.0.7" } });
    expect(status?.podIPs).toEqual([{ ip: "10.0.0.7" }]);
  });
});

describe("a new pod", () => {
  it("is told apart from pods of other revisions by the labels that it names", () => {
    const constraint = {
      maxSkew: 1,
      topologyKey: "zone",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { app: "a" } },
      matchLabelKeys: ["pod-template-hash", "unset"],
    };
    const { spec } = created(Pod, {
      metadata: { labels: { app: "a", "pod-template-hash": "h" } },
      spec: { containers: [container], topologySpreadConstraints: [constraint] },
    });
    expect(spec.topologySpreadConstraints?.[0]?.labelSelector).toEqual({
      matchLabels: { app: "a" },
      matchExpressions: [{ key: "pod-template-hash", operator: "In", values: ["h"] }],
    });
  });

  it("that is limited as a whole asks for what its containers ask for, or for all of it", () => {
    const { spec } = received(Pod, {
      spec: {
        containers: [{ ...container, resources: { requests: { cpu: "1" } } }],
        resources: { limits: { cpu: "2", memory: "1Gi" } },
      },
    });
    expect(spec.resources?.requests).toEqual({ cpu: "1", memory: "1Gi" });
  });
});

describe("the template of a workload", () => {
  it("gets no service links and no requests, which only pods get", () => {
    const resources = { limits: { cpu: "1" } };
    const { spec } = received(Deployment, {
      spec: { template: { spec: { containers: [{ ...container, resources }], hostNetwork: true } } },
    });
    expect(spec.template.spec?.enableServiceLinks).toBeUndefined();
    expect(spec.template.spec?.containers[0]?.resources).toEqual(resources);
    expect(spec.template.spec?.restartPolicy).toBe("Always");
  });
});
