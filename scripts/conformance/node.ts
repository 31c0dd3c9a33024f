import type { ConformanceGroup } from "./group.ts";

const containers = "test/e2e/81-conformance-containers.e2e.test.ts";

/** What upstream's list asks of a node, its containers and what they are given. */
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
];
