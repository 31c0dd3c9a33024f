import { defineCommand } from "../../command.ts";

/** `kubectl set` */
export const set = defineCommand({
  name: "set",
  short: "Set specific features on objects",
  long: "Change one respect of objects that are there: images, environment, resources, selectors, subjects, service accounts.",
  usage: "SUBCOMMAND",
  subcommands: [
    {
      name: "env",
      short: "Update environment variables on a pod template",
      load: async () => (await import("./env.ts")).env,
    },
    {
      name: "image",
      short: "Update the image of a pod template",
      load: async () => (await import("./image.ts")).image,
    },
    {
      name: "resources",
      short: "Update resource requests/limits on objects with pod templates",
      load: async () => (await import("./fields.ts")).resources,
    },
    {
      name: "selector",
      short: "Set the selector on a resource",
      load: async () => (await import("./fields.ts")).selector,
    },
    {
      name: "serviceaccount",
      aliases: ["sa"],
      short: "Update the service account of a resource",
      load: async () => (await import("./fields.ts")).serviceaccount,
    },
    {
      name: "subject",
      short: "Update the user, group, or service account in a role binding or cluster role binding",
      load: async () => (await import("./fields.ts")).subject,
    },
  ],
});
