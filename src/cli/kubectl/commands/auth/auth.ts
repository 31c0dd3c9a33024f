import { defineCommand } from "../../command.ts";

/** `kubectl auth` */
export const auth = defineCommand({
  name: "auth",
  short: "Inspect authorization",
  usage: "[flags]",
  long: "Finds out who you are, what you may do, and brings roles into line with manifests.",
  subcommands: [
    {
      name: "can-i",
      short: "Check whether an action is allowed",
      load: async () => (await import("./can-i.ts")).canI,
    },
    {
      name: "reconcile",
      short: "Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects",
      load: async () => (await import("./reconcile.ts")).reconcile,
    },
    {
      name: "whoami",
      short: "Experimental: Check self subject attributes",
      load: async () => (await import("./whoami.ts")).whoami,
    },
  ],
});
