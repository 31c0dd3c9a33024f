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
    ],
  },
  { title: "Deploy Commands", commands: [] },
  { title: "Cluster Management Commands", commands: [] },
  { title: "Troubleshooting and Debugging Commands", commands: [] },
  { title: "Advanced Commands", commands: [] },
  { title: "Settings Commands", commands: [] },
  {
    title: "Other Commands",
    commands: [
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
        name: "options",
        short: "Print the list of flags inherited by all commands",
        hidden: true,
        load: async () => (await import("./commands/options.ts")).options,
      },
      {
        name: "version",
        short: "Print the client and server version information",
        load: async () => (await import("./commands/version.ts")).version,
      },
    ],
  },
];
