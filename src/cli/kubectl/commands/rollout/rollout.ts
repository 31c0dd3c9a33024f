import { defineCommand } from "../../command.ts";

/** `kubectl rollout` */
export const rollout = defineCommand({
  name: "rollout",
  short: "Manage the rollout of a resource",
  long: "Watch, hold, undo and repeat the roll-outs of deployments, daemon sets and stateful sets.",
  examples: `# Go back to the form before
kubectl rollout undo deployment/web

# Until a roll-out is done
kubectl rollout status daemonset/agent`,
  usage: "SUBCOMMAND",
  subcommands: [
    { name: "history", short: "View rollout history", load: async () => (await import("./history.ts")).history },
    {
      name: "pause",
      short: "Mark the provided resource as paused",
      load: async () => (await import("./changes.ts")).pause,
    },
    { name: "restart", short: "Restart a resource", load: async () => (await import("./changes.ts")).restart },
    { name: "resume", short: "Resume a paused resource", load: async () => (await import("./changes.ts")).resume },
    { name: "status", short: "Show the status of the rollout", load: async () => (await import("./status.ts")).status },
    { name: "undo", short: "Undo a previous rollout", load: async () => (await import("./changes.ts")).undo },
  ],
});
