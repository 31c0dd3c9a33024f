import { type CommandEntry, defineCommand } from "../../command.ts";

const subcommands: readonly CommandEntry[] = [
  {
    name: "current-context",
    short: "Display the current-context",
    load: async () => (await import("./contexts.ts")).currentContext,
  },
  {
    name: "delete-cluster",
    short: "Delete the specified cluster from the kubeconfig",
    load: async () => (await import("./delete-entries.ts")).deleteCluster,
  },
  {
    name: "delete-context",
    short: "Delete the specified context from the kubeconfig",
    load: async () => (await import("./delete-entries.ts")).deleteContext,
  },
  {
    name: "delete-user",
    short: "Delete the specified user from the kubeconfig",
    load: async () => (await import("./delete-entries.ts")).deleteUser,
  },
  {
    name: "get-clusters",
    short: "Display clusters defined in the kubeconfig",
    load: async () => (await import("./entry-names.ts")).getClusters,
  },
  {
    name: "get-contexts",
    short: "Describe one or many contexts",
    load: async () => (await import("./contexts.ts")).getContexts,
  },
  {
    name: "get-users",
    short: "Display users defined in the kubeconfig",
    load: async () => (await import("./entry-names.ts")).getUsers,
  },
  {
    name: "rename-context",
    short: "Rename a context from the kubeconfig file",
    load: async () => (await import("./contexts.ts")).renameContext,
  },
  {
    name: "set",
    short: "Set an individual value in a kubeconfig file",
    load: async () => (await import("./properties.ts")).setProperty,
  },
  {
    name: "set-cluster",
    short: "Set a cluster entry in kubeconfig",
    load: async () => (await import("./set-cluster.ts")).setCluster,
  },
  {
    name: "set-context",
    short: "Set a context entry in kubeconfig",
    load: async () => (await import("./contexts.ts")).setContext,
  },
  {
    name: "set-credentials",
    short: "Set a user entry in kubeconfig",
    load: async () => (await import("./set-credentials.ts")).setCredentials,
  },
  {
    name: "unset",
    short: "Unset an individual value in a kubeconfig file",
    load: async () => (await import("./properties.ts")).unsetProperty,
  },
  {
    name: "use-context",
    short: "Set the current-context in a kubeconfig file",
    aliases: ["use"],
    load: async () => (await import("./contexts.ts")).useContext,
  },
  {
    name: "view",
    short: "Display merged kubeconfig settings or a specified kubeconfig file",
    load: async () => (await import("./view.ts")).view,
  },
];

/** `kubectl config` */
export const config = defineCommand({
  name: "config",
  short: "Modify kubeconfig files",
  long: `Shows and changes kubeconfig files, as "kubectl config set current-context my-context" does.

 The files are looked for in this order:

  1.  --kubeconfig names the one file that is read.
  2.  $KUBECONFIG lists files that are merged. A value is changed in the file that has it; a new one goes into the first file that is there, or the last of the list if none is.
  3.  Otherwise it is \${HOME}/.kube/config.`,
  subcommands,
});
