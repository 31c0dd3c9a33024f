import type { ConformanceGroup } from "./group.ts";

const pods = "test/e2e/80-conformance-pods.e2e.test.ts";
const probes = "test/e2e/82-conformance-probes.e2e.test.ts";
const environment = "test/e2e/83-conformance-environment.e2e.test.ts";
const security = "test/e2e/84-conformance-security.e2e.test.ts";
const resize = "test/e2e/84-conformance-resize.e2e.test.ts";
const api = "test/api/conformance-node.test.ts";
const tainted = {
  file: "src/controllers/node-life-cycle/node-life-cycle.test.ts",
  test: "a node that stops reporting > loses its pods as their toleration ends, and keeps the others when it returns",
};
const containers = "test/e2e/81-conformance-containers.e2e.test.ts";

/** What upstream's list asks of a node, its containers and what they are given; of probes and security also its tests beside the list. */
export const nodeGroups: readonly ConformanceGroup[] = [
  {
    group: "[sig-node] Container Lifecycle Hook when create a pod with lifecycle hook",
    file: containers,
    names: [
      "should execute poststart exec hook properly",
      "should execute poststart http hook properly",
      "should execute prestop exec hook properly",
      "should execute prestop http hook properly",
    ],
  },
  {
    group: "[sig-node] Container Runtime blackbox test on terminated container",
    file: containers,
    names: [
      "should report termination message as empty when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set",
      "should report termination message from file when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set",
      "should report termination message from log output if TerminationMessagePolicy FallbackToLogsOnError is set",
      "should report termination message if TerminationMessagePath is set as non-root user and at a non-default path",
    ],
  },
  {
    group: "[sig-node] Container Runtime blackbox test when starting a container that exits",
    file: containers,
    names: ["should run with the expected status"],
  },
  {
    group: "[sig-node] Containers",
    file: containers,
    names: [
      "should be able to override the image's default arguments (container cmd)",
      "should be able to override the image's default command (container entrypoint)",
      "should be able to override the image's default command and arguments",
      "should use the image defaults if command and args are blank",
    ],
  },
  {
    group: "[sig-node] InitContainer",
    file: containers,
    names: [
      "should invoke init containers on a RestartAlways pod",
      "should invoke init containers on a RestartNever pod",
      "should not start app containers and fail the pod if init containers fail on a RestartNever pod",
      "should not start app containers if init containers fail on a RestartAlways pod",
    ],
  },
  {
    group: "[sig-node] Kubelet",
    file: containers,
    names: [
      "when scheduling a busybox command in a pod should print the output to logs",
      "when scheduling a busybox command that always fails in a pod should be possible to delete",
      "when scheduling a busybox command that always fails in a pod should have an terminated reason",
      "when scheduling a read only busybox container should not write to root filesystem",
      "when scheduling an agnhost Pod with hostAliases should write entries to /etc/hosts",
    ],
  },
  {
    group: "[sig-node] KubeletManagedEtcHosts",
    file: containers,
    names: ["should test kubelet managed /etc/hosts file"],
  },
  { group: "[sig-node] PreStop", file: containers, names: ["should call prestop when killing a pod"] },
  {
    group: "[sig-node] ConfigMap",
    file: environment,
    names: [
      "should be consumable as environment variable names with various prefixes",
      "should be consumable via environment variable",
      "should be consumable via the environment",
    ],
  },
  {
    group: "[sig-node] Downward API",
    file: environment,
    names: [
      "should provide container's limits.cpu/memory and requests.cpu/memory as env vars",
      "should provide default limits.cpu/memory from node allocatable",
      "should provide host IP as an env var",
      "should provide host IP and pod IP as an env var if pod uses host network",
      "should provide hostIPs as an env var",
      "should provide pod UID as env vars",
      "should provide pod name, namespace and IP address as env vars",
    ],
  },
  {
    group: "[sig-node] Ephemeral Containers",
    file: pods,
    names: [
      "should update the ephemeral containers in an existing pod",
      "will start an ephemeral container in an existing pod",
    ],
  },
  {
    group: "[sig-node] Events",
    file: pods,
    names: ["should be sent by kubelets and the scheduler about pods scheduling and running"],
  },
  {
    group: "[sig-node] Pods",
    file: pods,
    names: [
      "should allow activeDeadlineSeconds to be updated",
      "should be submitted and removed",
      "should be updated",
      "should contain environment variables for services",
      "should delete a collection of pods",
      "should get a host IP",
      "should patch a pod status",
      "should run through the lifecycle of Pods and PodStatus",
      "should support remote command execution over websockets",
      "should support retrieving logs from the container over websockets",
    ],
  },
  {
    group: "[sig-node] Pods Extended",
    file: pods,
    names: ["Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu"],
  },
  {
    group: "[sig-node] Pods Extended (pod generation) Pod Generation",
    file: pods,
    names: [
      "custom-set generation on new pods and graceful delete",
      "issue 500 podspec updates and verify generation and observedGeneration eventually converge",
      "pod generation should start at 1 and increment per update",
    ],
  },
  {
    group: "[sig-node] Probing container",
    file: probes,
    names: [
      "should *not* be restarted by liveness probe because startup probe delays it",
      "should *not* be restarted with a /healthz http liveness probe",
      "should *not* be restarted with a GRPC liveness probe",
      'should *not* be restarted with a exec "cat /tmp/health" liveness probe',
      "should *not* be restarted with a non-local redirect http liveness probe",
      "should *not* be restarted with a tcp:8080 liveness probe",
      "should be ready immediately after startupProbe succeeds",
      "should be restarted by liveness probe after startup probe enables it",
      "should be restarted startup probe fails",
      "should be restarted with a /healthz http liveness probe",
      "should be restarted with a GRPC liveness probe",
      'should be restarted with a exec "cat /tmp/health" liveness probe',
      "should be restarted with a local redirect http liveness probe",
      "should be restarted with an exec liveness probe with timeout",
      "should have monotonically increasing restart count",
      "should mark readiness on pods to false while pod is in progress of terminating when a pod has a readiness probe",
      "should not be ready with an exec readiness probe timeout",
      "should override timeoutGracePeriodSeconds when LivenessProbe field is set",
      "with readiness probe should not be ready before initial delay and never restart",
      "with readiness probe that fails should never be ready and never restart",
    ],
  },
  {
    group: "[sig-node] RuntimeClass",
    file: pods,
    names: [
      "should reject a Pod requesting a deleted RuntimeClass",
      "should reject a Pod requesting a non-existent RuntimeClass",
      "should schedule a Pod requesting a RuntimeClass and initialize its Overhead",
      "should schedule a Pod requesting a RuntimeClass without PodOverhead",
    ],
  },
  {
    group: "[sig-node] Secrets",
    file: environment,
    names: [
      "should be consumable as environment variable names variable names with various prefixes",
      "should be consumable from pods in env vars",
      "should be consumable via the environment",
    ],
  },
  {
    group: "[sig-node] Security Context",
    file: security,
    names: [
      "When creating a container with runAsNonRoot should not run as root",
      "When creating a container with runAsUser should run the container with uid 65534",
      "When creating a pod with privileged should run the container as unprivileged when false",
      "When creating a pod with readOnlyRootFilesystem should run the container with writable rootfs when readOnlyRootFilesystem=false",
      "should support container.SecurityContext.RunAsUser And container.SecurityContext.RunAsGroup",
      "should support pod.Spec.SecurityContext.RunAsUser And pod.Spec.SecurityContext.RunAsGroup",
      "should support pod.Spec.SecurityContext.SupplementalGroups",
      "when creating containers with AllowPrivilegeEscalation should allow privilege escalation when not explicitly set and uid != 0",
      "when creating containers with AllowPrivilegeEscalation should allow privilege escalation when true",
      "when creating containers with AllowPrivilegeEscalation should not allow privilege escalation when false",
    ],
  },
  {
    group: "[sig-node] Sysctls",
    file: security,
    names: [
      "should not launch unsafe, but not explicitly enabled sysctls on the node",
      "should reject invalid sysctls",
      "should support sysctls",
      "should support sysctls with slashes as separator",
    ],
  },
  {
    group: "[sig-node] Variable Expansion",
    file: environment,
    names: [
      "should allow composing env vars into new env vars",
      "should allow substituting values in a container's args",
      "should allow substituting values in a container's command",
      "should allow substituting values in a volume subpath",
      "should fail substituting values in a volume subpath with absolute path",
      "should fail substituting values in a volume subpath with backticks",
      "should succeed in writing subpaths in container",
      "should verify that a failing subpath expansion can be modified during the lifecycle of a container",
    ],
  },
  {
    group: "[sig-node] ConfigMap",
    file: api,
    names: [
      "should fail to create ConfigMap with empty key",
      "should run through a ConfigMap lifecycle",
      "should update ConfigMap successfully",
    ],
  },
  {
    group: "[sig-node] Lease",
    file: api,
    names: ["lease API should be available"],
  },
  {
    group: "[sig-node] NoExecuteTaintManager",
    file: tainted.file,
    names: [],
    elsewhere: {
      "Multiple Pods evicts pods with minTolerationSeconds": tainted,
      "Single Pod removing taint cancels eviction": tainted,
    },
  },
  {
    group: "[sig-node] Node Lifecycle",
    file: api,
    names: ["should run through the lifecycle of a node"],
  },
  {
    group: "[sig-node] Pod InPlace Resize Container",
    file: resize,
    names: [
      "burstable pods - extended 6 containers - various operations performed (including adding limits and requests)",
      "burstable pods - extended resize with equivalents",
      "guaranteed pods with multiple containers 3 containers - increase cpu & mem on c1, c2, decrease cpu & mem on c3 - net increase",
      "guaranteed pods with multiple containers 3 containers - increase cpu & mem on c1, decrease cpu & mem on c2, c3 - net decrease",
      "guaranteed pods with multiple containers 3 containers - increase: CPU (c1,c3), memory (c2, c3) ; decrease: CPU (c2)",
      "resize pod via the replace endpoint",
    ],
  },
  {
    group: "[sig-node] PodTemplates",
    file: api,
    names: [
      "should delete a collection of pod templates",
      "should replace a pod template",
      "should run the lifecycle of PodTemplates",
    ],
  },
  {
    group: "[sig-node] RuntimeClass",
    file: api,
    names: ["should support RuntimeClasses API operations"],
  },
  {
    group: "[sig-node] Secrets",
    file: api,
    names: ["should fail to create secret due to empty secret key", "should patch a secret"],
  },
  {
    group: "[sig-node] [DRA] CRUD Tests",
    file: api,
    names: [
      "resource.k8s.io/v1 DeviceClass",
      "resource.k8s.io/v1 ResourceClaim",
      "resource.k8s.io/v1 ResourceClaimTemplate",
      "resource.k8s.io/v1 ResourceSlice",
    ],
  },
];
