import { pod } from "../../tools/objects.ts";
import { story } from "../../tools/story.ts";

const fullRequest =
  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlJQmZ6Q0NBVEVDQVFBd2dZNHhDekFKQmdOVkJBWVRBa1JGTVFvd0NBWURWUVFJREFGVE1RMHdDd1lEVlFRSApEQVJEYVhSNU1ROHdEUVlEVlFRSkRBWk5ZV2x1SURFeEREQUtCZ05WQkJFTUF6RXlNekVNTUFvR0ExVUVDZ3dECmIyNWxNUXd3Q2dZRFZRUUtEQU4wZDI4eERUQUxCZ05WQkFzTUJIVnVhWFF4RFRBTEJnTlZCQU1NQkhWelpYSXgKQ3pBSkJnTlZCQVVUQWpReU1Db3dCUVlESzJWd0F5RUFzeENqTFVDZ2dGRHFHR3k2bVNENm5ocmVQVzlxd1dzbwozV1NWVjZwdElJT2diekJ0QmdrcWhraUc5dzBCQ1E0eFlEQmVNRndHQTFVZEVRUlZNRk9DRFdFdVpYaGhiWEJzClpTNWpiMjJDRFdJdVpYaGhiWEJzWlM1amIyMkhCQW9BQUFHSEVQMEFBQUFBQUFBQUFBQUFBQUFBQUFHQkRXRkEKWlhoaGJYQnNaUzVqYjIyR0RITndhV1ptWlRvdkwzZ3ZlVEFGQmdNclpYQURRUUFZN1EzNmovek5WbnBZdER0YwplN1VVbzdZR2RtTFE0MTc5QzN0cXhWai9PczM4UjUweTBweXIxTG4rdEJ3ajhuMXA5d2ZiMWp2NDZLNHNKei9nCmVUa0cKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==";
const plainRequest =
  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlHUE1FTUNBUUF3RURFT01Bd0dBMVVFQXd3RmNHeGhhVzR3S2pBRkJnTXJaWEFESVFCUnNJaGhlL2NVVzAxcApyL1pUVmUzMG44ZjVqZ3JEZXloV0JIWHhoV1N0NHFBQU1BVUdBeXRsY0FOQkFQUkJKYVdwclBQWHdZd0RnTmRtCjlLSXhDQjhlMlNTNXliaUM5b2hNU0gwTnJ0MjBITzFyT21yRTRLZmh5UlpPM0tDTUhTY0dseElpbnpXS0s0K08KQmdVPQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";

const time = "2016-03-17T10:00:00Z";

const nodeCondition = (type: string, status: string) => ({
  type,
  status,
  reason: `${type}Reason`,
  message: `about ${type}`,
  lastHeartbeatTime: time,
  lastTransitionTime: time,
});

const podOn = (name: string, nodeName: string, resources: object, more: object = {}) => {
  const made = pod(name);
  const containers = [{ name: "main", image: "a", resources }];
  return { ...made, spec: { ...made.spec, nodeName, containers, ...more }, status: { phase: "Running" } };
};

const eventOf = (name: string, uid: string) => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { name, namespace: "default" },
  involvedObject: { kind: "Node", name: "describe-full", uid },
  type: "Normal",
  reason: name,
  message: "something",
  firstTimestamp: time,
  lastTimestamp: time,
  count: 1,
  source: { component: "kubelet", host: "describe-full" },
});

/** `kubectl describe` of what belongs to the cluster. */
export const clusterDescriptions = [
  story({
    name: "describe nodes",
    objects: [
      {
        apiVersion: "v1",
        kind: "Node",
        metadata: {
          name: "describe-full",
          labels: { "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "", a: "b" },
          annotations: { note: "x" },
        },
        spec: {
          podCIDR: "10.1.0.0/24",
          podCIDRs: ["10.1.0.0/24", "fd00:1::/64"],
          providerID: "example://1",
          unschedulable: true,
          taints: [
            { key: "b", effect: "NoSchedule" },
            { key: "a", value: "x", effect: "NoExecute" },
          ],
        },
        status: {
          capacity: { cpu: "4", memory: "8Gi", pods: "110", "hugepages-2Mi": "64Mi", "example.com/gpu": "2" },
          allocatable: {
            cpu: "3800m",
            memory: "7Gi",
            pods: "110",
            "ephemeral-storage": "100G",
            "hugepages-2Mi": "64Mi",
            "example.com/gpu": "2",
          },
          conditions: [nodeCondition("Ready", "True"), nodeCondition("DiskPressure", "False")],
          addresses: [
            { type: "InternalIP", address: "10.0.0.9" },
            { type: "Hostname", address: "describe-full" },
          ],
          nodeInfo: {
            machineID: "m",
            systemUUID: "s",
            bootID: "b",
            kernelVersion: "6.1",
            osImage: "Debian",
            operatingSystem: "linux",
            architecture: "amd64",
            containerRuntimeVersion: "containerd://1.6",
            kubeletVersion: "v1.35.0",
            kubeProxyVersion: "",
          },
        },
      },
      podOn("big", "describe-full", {
        requests: { cpu: "500m", memory: "1Gi", "example.com/gpu": "1" },
        limits: { cpu: "2", memory: "2Gi", "hugepages-2Mi": "4Mi", "example.com/gpu": "1" },
      }),
      podOn(
        "starting",
        "describe-full",
        { requests: { cpu: "100m" } },
        {
          initContainers: [
            { name: "i", image: "a", resources: { requests: { cpu: "1", memory: "64Mi" } } },
            {
              name: "s",
              image: "a",
              restartPolicy: "Always",
              resources: { requests: { cpu: "50m" }, limits: { memory: "100M" } },
            },
          ],
        },
      ),
      podOn("bare", "describe-full", {}),
      {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name: "describe-full", namespace: "kube-node-lease" },
        spec: {
          holderIdentity: "describe-full",
          acquireTime: "2016-03-17T10:00:00.000000Z",
          renewTime: "2016-03-17T10:00:10.000000Z",
        },
      },
      eventOf("by-uid", "UID-OF:Node/describe-full"),
      eventOf("by-name", "describe-full"),
      { apiVersion: "v1", kind: "Node", metadata: { name: "describe-none", labels: { "kubernetes.io/role": "old" } } },
      podOn("lost", "describe-none", { requests: { cpu: "1" } }),
    ],
    steps: [
      "describe node describe-full",
      "describe node describe-none",
      "describe nodes describe --show-events=false",
    ],
  }),
  story({
    name: "describe roles",
    objects: [
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: "reader", labels: { a: "b" } },
        rules: [
          { apiGroups: [""], resources: ["pods", "pods/log"], verbs: ["get", "list"] },
          { apiGroups: ["", "apps"], resources: ["deployments"], verbs: ["*"] },
          { apiGroups: [""], resources: ["secrets"], resourceNames: ["x", "y"], verbs: ["get"] },
          { apiGroups: [""], resources: ["pods"], verbs: ["watch", "get"] },
          { apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["patch"] },
        ],
      },
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: { name: "empty" }, rules: [] },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
        metadata: { name: "describe-role", annotations: { a: "b" } },
        rules: [
          { nonResourceURLs: ["/healthz", "/metrics"], verbs: ["get", "post"] },
          { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
        ],
      },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: { name: "readers" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
        subjects: [
          { kind: "ServiceAccount", name: "robot", namespace: "default" },
          { kind: "User", name: "jane", apiGroup: "rbac.authorization.k8s.io" },
        ],
      },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRoleBinding",
        metadata: { name: "describe-binding" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "describe-role" },
      },
    ],
    steps: [
      "describe role reader",
      "describe role empty",
      "describe clusterrole describe-role",
      "describe rolebinding readers",
      "describe clusterrolebinding describe-binding",
      "describe roles",
    ],
  }),
  story({
    name: "describe signing requests",
    objects: [
      {
        apiVersion: "certificates.k8s.io/v1",
        kind: "CertificateSigningRequest",
        metadata: { name: "describe-full", labels: { a: "1", b: "2" }, annotations: { c: "d" } },
        spec: {
          request: fullRequest,
          signerName: "example.com/signer",
          expirationSeconds: 86400,
          usages: ["client auth"],
        },
      },
      {
        apiVersion: "certificates.k8s.io/v1",
        kind: "CertificateSigningRequest",
        metadata: { name: "describe-plain" },
        spec: { request: plainRequest, signerName: "example.com/signer", usages: ["client auth"] },
      },
    ],
    steps: [
      "describe csr describe-full",
      "describe csr describe-plain",
      "certificate approve describe-full",
      "certificate deny describe-plain",
      "describe csr describe",
    ],
  }),
  story({
    name: "describe other kinds",
    objects: [
      {
        apiVersion: "scheduling.k8s.io/v1",
        kind: "PriorityClass",
        metadata: { name: "describe-high", annotations: { b: "2", a: "1" } },
        value: 1000,
        description: "before all others",
        preemptionPolicy: "Never",
      },
      { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name: "describe-low" }, value: -5 },
      {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name: "lead", labels: { a: "b" }, annotations: { c: "d" } },
        spec: { holderIdentity: "one", leaseDurationSeconds: 15, renewTime: "2016-03-17T10:00:00.000000Z" },
      },
      {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name: "happened" },
        involvedObject: { kind: "Pod", name: "p", namespace: "OWN-NAMESPACE" },
        type: "Normal",
        reason: "Because",
        message: "text\nof two lines",
        count: 3,
        firstTimestamp: time,
        lastTimestamp: time,
        source: { component: "c" },
      },
      {
        apiVersion: "storage.k8s.io/v1",
        kind: "VolumeAttachment",
        metadata: { name: "describe-attached" },
        spec: { attacher: "example.com", nodeName: "n", source: { persistentVolumeName: "pv" } },
        status: { attached: true, attachmentMetadata: { path: "/dev/x" } },
      },
      {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "describeds.example.com" },
        spec: {
          group: "example.com",
          scope: "Namespaced",
          names: { plural: "describeds", singular: "described", kind: "Described", listKind: "DescribedList" },
          versions: [
            {
              name: "v1",
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
            },
          ],
        },
      },
    ],
    files: {
      "own.json": JSON.stringify({
        apiVersion: "example.com/v1",
        kind: "Described",
        metadata: { name: "own", labels: { a: "b" } },
        spec: {
          simpleText: "x",
          number: 5,
          fraction: 1.5,
          yes: true,
          nothing: null,
          emptyMap: {},
          emptyList: [],
          podIPs: ["a", "b"],
          baseURL: "u",
          apiServerURLs: ["v"],
          guid: "g",
          clusterIP: "1",
          "with-dash": 1,
          with_line: 2,
          v1Name: 3,
          "a.b/c": 4,
          listOfMaps: [{ b: 1, a: { deep: [1, 2] } }, "text", ["nested", ["more"]], { nested: [["x"]] }],
          text: "one\ntwo",
        },
      }),
    },
    steps: [
      "describe priorityclass describe-high",
      "describe priorityclass describe-low",
      "describe lease lead",
      "describe event happened",
      "describe volumeattachment describe-attached",
      "wait crd/describeds.example.com --for=create",
      "create -f own.json",
      "describe described own",
      "describe -f own.json",
      "describe describeds.example.com",
      "describe apiservice v1.apps",
    ],
  }),
];
