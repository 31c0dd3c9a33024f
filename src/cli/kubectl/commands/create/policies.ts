import { bool, int, text } from "../../flags/flag.ts";
import { quantities } from "../../flags/quantities.ts";
import { CommandError } from "../../messages.ts";
import { generatorCommand, kindRef } from "./generator.ts";

/** `kubectl create namespace` */
export const namespace = generatorCommand({
  name: "namespace",
  aliases: ["ns"],
  short: "Create a namespace with the specified name",
  usage: "NAME [--dry-run=server|client|none]",
  flags: {},
  kind: kindRef("v1", "Namespace", "namespaces", false),
  make: async () => ({ spec: {}, status: {} }),
});

/** `kubectl create serviceaccount` */
export const serviceaccount = generatorCommand({
  name: "serviceaccount",
  aliases: ["sa"],
  short: "Create a service account with the specified name",
  usage: "NAME [--dry-run=server|client|none]",
  flags: {},
  kind: kindRef("v1", "ServiceAccount", "serviceaccounts"),
  failure: "failed to create serviceaccount: ",
  make: async () => ({}),
});

/** `kubectl create quota` */
export const quota = generatorCommand({
  name: "quota",
  aliases: ["resourcequota"],
  short: "Create a quota with the specified name",
  usage: "NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2] [--dry-run=server|client|none]",
  flags: {
    hard: text("What may be used at most, as cpu=1,pods=2."),
    scopes: text("Which objects count, as BestEffort,NotTerminating."),
  },
  kind: kindRef("v1", "ResourceQuota", "resourcequotas"),
  failure: "failed to create quota: ",
  async make({ flags }) {
    const hard = quantities(flags.hard);
    const scopes = flags.scopes ? flags.scopes.split(",") : undefined;
    return { spec: { ...(hard ? { hard } : {}), ...(scopes ? { scopes } : {}) }, status: {} };
  },
});

/** `kubectl create poddisruptionbudget` */
export const poddisruptionbudget = generatorCommand({
  name: "poddisruptionbudget",
  aliases: ["pdb"],
  short: "Create a pod disruption budget with the specified name",
  usage: "NAME --selector=SELECTOR --min-available=N [--dry-run=server|client|none]",
  flags: {
    "min-available": text("How many pods, or which share of them, must stay."),
    "max-unavailable": text("How many pods, or which share of them, may go."),
    selector: text("Which pods, by their labels."),
  },
  kind: kindRef("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
  failure: "failed to create poddisruptionbudgets: ",
  async make({ flags }) {
    const { "min-available": least, "max-unavailable": most } = flags;
    if (!flags.selector) throw new CommandError("a selector must be specified");
    if (!least && !most) throw new CommandError("one of min-available or max-unavailable must be specified");
    if (least && most) throw new CommandError("min-available and max-unavailable cannot be both specified");
    const number = (value: string) => (/^\d+$/.test(value) ? Number(value) : value);
    const { selectorObject } = await import("../../resources/label-selector.ts");
    return {
      spec: {
        ...(most ? { maxUnavailable: number(most) } : { minAvailable: number(least) }),
        selector: selectorObject(flags.selector),
      },
      status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
    };
  },
});

/** `kubectl create priorityclass` */
export const priorityclass = generatorCommand({
  name: "priorityclass",
  aliases: ["pc"],
  short: "Create a priority class with the specified name",
  usage: "NAME --value=VALUE --global-default=BOOL [--dry-run=server|client|none]",
  flags: {
    value: int("The priority; the higher, the sooner.", { bits: 32 }),
    "global-default": bool("The priority of pods that name none."),
    description: text("What it is for."),
    "preemption-policy": text("Whether such pods may drive out others: PreemptLowerPriority or Never.", {
      default: "PreemptLowerPriority",
    }),
  },
  kind: kindRef("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", false),
  failure: "failed to create priorityclass: ",
  async make({ flags }) {
    return {
      value: flags.value,
      ...(flags["global-default"] ? { globalDefault: true } : {}),
      ...(flags.description ? { description: flags.description } : {}),
      preemptionPolicy: flags["preemption-policy"],
    };
  },
});
