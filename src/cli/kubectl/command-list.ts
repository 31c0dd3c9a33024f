import type { CommandGroup } from "./help.ts";

/**
 * Every command, in the order of the root's help: its name, its line there, and its file, which is loaded when the command
 * is called. A new command is one file in commands/ and one line here.
 */
export const commandGroups: readonly CommandGroup[] = [
  {
    title: "Basic Commands (Beginner)",
    commands: [
      {
        name: "create",
        short: "Create a resource from a file or from stdin",
        load: async () => (await import("./commands/create/create.ts")).create,
      },
      {
        name: "expose",
        short: "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service",
        load: async () => (await import("./commands/expose.ts")).expose,
      },
      {
        name: "run",
        short: "Run a particular image on the cluster",
        load: async () => (await import("./commands/run.ts")).run,
      },
      {
        name: "set",
        short: "Set specific features on objects",
        load: async () => (await import("./commands/set/set.ts")).set,
      },
    ],
  },
  {
    title: "Basic Commands (Intermediate)",
    commands: [
      {
        name: "get",
        short: "Display one or many resources",
        load: async () => (await import("./commands/get.ts")).get,
      },
      {
        name: "explain",
        short: "Get documentation for a resource",
        load: async () => (await import("./commands/explain/explain.ts")).explain,
      },
      {
        name: "edit",
        short: "Edit a resource on the server",
        load: async () => (await import("./commands/edit/edit.ts")).edit,
      },
      {
        name: "delete",
        short: "Delete resources by file names, stdin, resources and names, or by resources and label selector",
        load: async () => (await import("./commands/delete.ts")).deleteCommand,
      },
    ],
  },
  {
    title: "Deploy Commands",
    commands: [
      {
        name: "rollout",
        short: "Manage the rollout of a resource",
        load: async () => (await import("./commands/rollout/rollout.ts")).rollout,
      },
      {
        name: "rolling-update",
        short: "Perform a rolling update of the given ReplicationController (as in 2016)",
        hidden: true,
        load: async () => (await import("./commands/rolling-update/rolling-update.ts")).rollingUpdate,
      },
      {
        name: "scale",
        short: "Set a new size for a deployment, replica set, or replication controller",
        load: async () => (await import("./commands/scale.ts")).scale,
      },
      {
        name: "autoscale",
        short: "Auto-scale a deployment, replica set, stateful set, or replication controller",
        load: async () => (await import("./commands/autoscale.ts")).autoscale,
      },
    ],
  },
  {
    title: "Cluster Management Commands",
    commands: [
      {
        name: "certificate",
        short: "Modify certificate resources",
        load: async () => (await import("./commands/certificate.ts")).certificate,
      },
      {
        name: "cluster-info",
        short: "Display cluster information",
        load: async () => (await import("./commands/cluster-info/cluster-info.ts")).clusterInfo,
      },
      {
        name: "top",
        short: "Display resource (CPU/memory) usage",
        load: async () => (await import("./commands/top.ts")).top,
      },
      {
        name: "cordon",
        short: "Mark node as unschedulable",
        load: async () => (await import("./commands/nodes/cordon.ts")).cordon,
      },
      {
        name: "uncordon",
        short: "Mark node as schedulable",
        load: async () => (await import("./commands/nodes/cordon.ts")).uncordon,
      },
      {
        name: "drain",
        short: "Drain node in preparation for maintenance",
        load: async () => (await import("./commands/nodes/drain.ts")).drain,
      },
      {
        name: "taint",
        short: "Update the taints on one or more nodes",
        load: async () => (await import("./commands/nodes/taint.ts")).taint,
      },
    ],
  },
  {
    title: "Troubleshooting and Debugging Commands",
    commands: [
      {
        name: "attach",
        short: "Attach to a running container",
        load: async () => (await import("./commands/pods/attach.ts")).attach,
      },
      {
        name: "exec",
        short: "Execute a command in a container",
        load: async () => (await import("./commands/pods/exec.ts")).exec,
      },
      {
        name: "port-forward",
        short: "Forward one or more local ports to a pod",
        load: async () => (await import("./commands/pods/port-forward.ts")).portForward,
      },
      {
        name: "proxy",
        short: "Run a proxy to the Kubernetes API server",
        load: async () => (await import("./commands/proxy/proxy.ts")).proxy,
      },
      {
        name: "cp",
        short: "Copy files and directories to and from containers",
        load: async () => (await import("./commands/cp/cp.ts")).cp,
      },
      {
        name: "debug",
        short: "Create debugging sessions for troubleshooting workloads and nodes",
        load: async () => (await import("./commands/debug/debug.ts")).debug,
      },
      {
        name: "events",
        short: "List events",
        load: async () => (await import("./commands/events.ts")).events,
      },
      {
        name: "describe",
        short: "Show details of a specific resource or group of resources",
        load: async () => (await import("./commands/describe.ts")).describe,
      },
      {
        name: "auth",
        short: "Inspect authorization",
        load: async () => (await import("./commands/auth/auth.ts")).auth,
      },
      {
        name: "logs",
        short: "Print the logs for a container in a pod",
        load: async () => (await import("./commands/logs/logs.ts")).logs,
      },
    ],
  },
  {
    title: "Advanced Commands",
    commands: [
      {
        name: "diff",
        short: "Diff the live version against a would-be applied version",
        load: async () => (await import("./commands/diff/diff.ts")).diff,
      },
      {
        name: "apply",
        short: "Apply a configuration to a resource by file name or stdin",
        load: async () => (await import("./commands/apply/apply.ts")).apply,
      },
      {
        name: "patch",
        short: "Update fields of a resource",
        load: async () => (await import("./commands/patch.ts")).patch,
      },
      {
        name: "replace",
        short: "Replace a resource by file name or stdin",
        load: async () => (await import("./commands/replace.ts")).replace,
      },
      {
        name: "wait",
        short: "Experimental: Wait for a specific condition on one or many resources",
        load: async () => (await import("./commands/wait.ts")).wait,
      },
      {
        name: "kustomize",
        short: "Build a kustomization target from a directory or URL",
        load: async () => (await import("./commands/kustomize.ts")).kustomize,
      },
    ],
  },
  {
    title: "Settings Commands",
    commands: [
      {
        name: "label",
        short: "Update the labels on a resource",
        load: async () => (await import("./commands/label.ts")).label,
      },
      {
        name: "annotate",
        short: "Update the annotations on a resource",
        load: async () => (await import("./commands/annotate.ts")).annotate,
      },
      {
        name: "completion",
        short: "Output shell completion code for the specified shell (bash, zsh, fish, or powershell)",
        load: async () => (await import("./commands/completion/completion.ts")).completion,
      },
    ],
  },
  {
    title: "Other Commands",
    commands: [
      {
        name: "alpha",
        short: "Commands for features in alpha",
        load: async () => (await import("./commands/kuberc/kuberc.ts")).alpha,
      },
      {
        name: "api-resources",
        short: "Print the supported API resources on the server",
        load: async () => (await import("./commands/api-resources.ts")).apiResources,
      },
      {
        name: "api-versions",
        short: 'Print the supported API versions on the server, in the form of "group/version"',
        load: async () => (await import("./commands/api-versions.ts")).apiVersions,
      },
      {
        name: "config",
        short: "Modify kubeconfig files",
        load: async () => (await import("./commands/config/config.ts")).config,
      },
      {
        name: "kuberc",
        short: "Manage kuberc configuration files",
        hidden: true,
        load: async () => (await import("./commands/kuberc/kuberc.ts")).kuberc,
      },
      {
        name: "options",
        short: "Print the list of flags inherited by all commands",
        hidden: true,
        load: async () => (await import("./commands/options.ts")).options,
      },
      {
        name: "plugin",
        short: "Provides utilities for interacting with plugins",
        load: async () => (await import("./commands/plugin/plugin.ts")).plugin,
      },
      {
        name: "version",
        short: "Print the client and server version information",
        load: async () => (await import("./commands/version.ts")).version,
      },
    ],
  },
];
