import { describe, expect, it } from "vitest";
import { faultsOf } from "../kind-fixture.ts";
import { Pod } from "./pod.ts";

const container = { name: "c", image: "img:1" };
const pod = (spec: object) => faultsOf(Pod, { spec: { containers: [container], ...spec } });
const withContainer = (more: object, spec: object = {}) => pod({ containers: [{ ...container, ...more }], ...spec });
const first = "spec.containers[0]";
const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

describe("a pod's faults", () => {
  it("are none for a plain pod", () => {
    expect(pod({})).toEqual([]);
  });

  it.each([
    ["no containers", { containers: [] }, ["spec.containers: Required value"]],
    [
      "a container without name and image",
      { containers: [{}] },
      [`${first}.name: Required value`, `${first}.image: Required value`],
    ],
    [
      "two containers of one name",
      { containers: [container, container] },
      ['spec.containers[1].name: Duplicate value: "c"'],
    ],
    [
      "an init container named as another",
      { initContainers: [container] },
      ['spec.initContainers[0].name: Duplicate value: "c"'],
    ],
    [
      "an unknown restart policy",
      { restartPolicy: "Sometimes" },
      ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
    ],
    [
      "DNS None without servers",
      { dnsPolicy: "None" },
      ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
    ],
    [
      "no time at all",
      { activeDeadlineSeconds: 0, terminationGracePeriodSeconds: -1 },
      ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
    ],
    [
      "a toleration of everything that means one value",
      { tolerations: [{ operator: "Equal", value: "x" }] },
      [
        'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ],
    ],
    [
      "an effect that cannot wait",
      { tolerations: [{ key: "c", effect: "NoSchedule", tolerationSeconds: 3 }] },
      [
        "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set",
      ],
    ],
    [
      "no choice of nodes",
      {
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
      },
      [
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
      ],
    ],
    [
      "a node name while it is held back",
      { nodeName: "n", schedulingGates: [{ name: "g" }] },
      ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
    ],
    [
      "two volumes of one name",
      {
        volumes: [
          { name: "a", emptyDir: {} },
          { name: "a", emptyDir: {} },
        ],
      },
      ['spec.volumes[1].name: Duplicate value: "a"'],
    ],
    [
      "a volume of two kinds",
      { volumes: [{ name: "a", emptyDir: {}, hostPath: { path: "/x" } }] },
      ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
    ],
    [
      "a volume with a wrong name",
      { volumes: [{ name: "A_", emptyDir: {} }] },
      [`spec.volumes[0].name: Invalid value: "A_": ${label}`],
    ],
    [
      "spreading twice over one thing",
      {
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" },
          { maxSkew: 0, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" },
        ],
      },
      [
        "spec.topologySpreadConstraints[1].maxSkew: Invalid value: 0: must be greater than zero",
        'spec.topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"',
      ],
    ],
  ])("name %s", (_what, spec, faults) => {
    expect(pod(spec)).toEqual(faults);
  });

  it.each([
    [
      "ports out of range, and protocols unknown",
      { ports: [{ containerPort: 70000, protocol: "HTTP" }] },
      [
        `${first}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
        `${first}.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"`,
      ],
    ],
    [
      "a mount of no volume",
      { volumeMounts: [{ name: "none", mountPath: "/a" }] },
      [`${first}.volumeMounts[0].name: Not found: "none"`],
    ],
    [
      "a variable with two sources",
      { env: [{ name: "A", value: "x", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] },
      [`${first}.env[0].valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`],
    ],
    [
      "a variable out of a field that is not there",
      { env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "spec.nope" } } }] },
      [
        `${first}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.nope": error converting fieldPath: field label not supported: spec.nope`,
      ],
    ],
    [
      "a probe that asks nothing",
      { livenessProbe: {} },
      [`${first}.livenessProbe: Required value: must specify a handler type`],
    ],
    [
      "a probe that asks twice",
      { livenessProbe: { httpGet: { port: 80 }, exec: { command: ["x"] } } },
      [`${first}.livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type`],
    ],
    [
      "a liveness probe that must succeed twice",
      { livenessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 } },
      [`${first}.livenessProbe.successThreshold: Invalid value: 2: must be 1`],
    ],
    [
      "a request above its limit",
      { resources: { limits: { cpu: "1" }, requests: { cpu: "2" } } },
      [`${first}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`],
    ],
    [
      "a part of a device",
      { resources: { limits: { "example.com/gpu": "1500m" } } },
      [
        `${first}.resources.limits[example.com/gpu]: Invalid value: "1500m": must be an integer`,
        `${first}.resources.requests[example.com/gpu]: Invalid value: "1500m": must be an integer`,
      ],
    ],
    [
      "a device without a limit",
      { resources: { requests: { "example.com/gpu": "1" } } },
      [`${first}.resources.limits: Required value: Limit must be set for non overcommitable resources`],
    ],
    [
      "a user below zero",
      { securityContext: { runAsUser: -1 } },
      [`${first}.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive`],
    ],
  ])("name %s in a container", (_what, more, faults) => {
    expect(withContainer(more)).toEqual(faults);
  });

  it("name mounts at one place, and paths that climb out", () => {
    const volumes = [{ name: "v", emptyDir: {} }];
    const volumeMounts = [
      { name: "v", mountPath: "/a" },
      { name: "v", mountPath: "/a" },
      { name: "v", mountPath: "/b", subPath: "../x" },
      { name: "v", mountPath: "/c", subPath: "a", subPathExpr: "b" },
    ];
    expect(withContainer({ volumeMounts }, { volumes })).toEqual([
      `${first}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique`,
      `${first}.volumeMounts.subPath: Invalid value: "../x": must not contain '..'`,
      `${first}.volumeMounts[3].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive`,
    ]);
  });

  it("name every wrong requirement of a node affinity", () => {
    const matchExpressions = [
      { key: "a", operator: "Gt", values: ["1", "2"] },
      { key: "b", operator: "In" },
      { key: "c", operator: "Exists", values: ["x"] },
      { key: "d", operator: "Like" },
    ];
    const preferred = [{ weight: 101, preference: { matchExpressions } }];
    const at = "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]";
    const faults = pod({
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } },
    });
    expect(faults).toEqual([
      `${at}.weight: Invalid value: 101: must be in the range 1-100`,
      `${at}.preference.matchExpressions[0].values: Required value: must be specified single value when \`operator\` is 'Lt' or 'Gt'`,
      `${at}.preference.matchExpressions[1].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
      `${at}.preference.matchExpressions[2].values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`,
      `${at}.preference.matchExpressions[3].operator: Invalid value: "Like": not a valid selector operator`,
    ]);
  });

  it("let a sidecar have probes, but no other init container", () => {
    const probed = { name: "i", image: "img:1", livenessProbe: { tcpSocket: { port: 80 } } };
    expect(pod({ initContainers: [{ ...probed, restartPolicy: "Always" }] })).toEqual([]);
    expect(pod({ initContainers: [probed] })).toEqual([
      "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
    ]);
  });
});
