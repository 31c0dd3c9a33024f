import { defineCommand } from "../command.ts";
import { int, text } from "../flags/flag.ts";
import { dryRunFlag, fieldManagerFlag, fileFlags, printFlags, recordFlag, saveConfigFlag } from "../flags/shared.ts";
import { CommandError } from "../messages.ts";
import { type AnyObject, pathOf } from "../resources/resource-info.ts";
import { forEachObject, selectObjects } from "../resources/selection.ts";
import { dryRunOf, resultPrinter, withLastApplied, writeQuery } from "../resources/writes.ts";

/** `kubectl autoscale` */
export const autoscale = defineCommand({
  name: "autoscale",
  short: "Auto-scale a deployment, replica set, stateful set, or replication controller",
  long: "Make an autoscaler that keeps the number of pods between two bounds, by how much of the processor or memory they use.",
  examples: `# Between 2 and 10 pods
kubectl autoscale deployment web --min=2 --max=10

# At 80% of the processor time they ask for
kubectl autoscale rc web --max=5 --cpu=80%`,
  usage: "(-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu=CPU] [--memory=MEMORY] [flags]",
  required: ["max"],
  flags: {
    ...printFlags,
    ...fileFlags,
    ...dryRunFlag,
    ...recordFlag,
    ...saveConfigFlag,
    ...fieldManagerFlag("kubectl-autoscale"),
    cpu: text("The use of the processor to aim at: a share of what is asked for (70%), or an amount per pod (500m)."),
    "cpu-percent": int("The share of the processor time asked for to aim at.", {
      default: -1,
      bits: 32,
      deprecated:
        "Use --cpu with percentage or resource quantity format (e.g., '70%' for utilization or '500m' for milliCPU).",
    }),
    max: int("How many pods at most.", { default: -1, bits: 32 }),
    memory: text("The use of memory to aim at: a share of what is asked for, or an amount per pod."),
    min: int("How many pods at least; left to the server when negative.", { default: -1, bits: 32 }),
    name: text("The autoscaler's name; default: the object's."),
  },
  async run({ session, args, flags }) {
    const { min, max } = flags;
    if (max < 1) throw new CommandError(`--max=MAXPODS is required and must be at least 1, max: ${max}`);
    if (max < min) {
      throw new CommandError(`--max=MAXPODS must be larger or equal to --min=MINPODS, max: ${max}, min: ${min}`);
    }
    if (flags.cpu && flags["cpu-percent"] >= 0)
      throw new CommandError("--cpu and --cpu-percent are mutually exclusive");
    const dryRun = dryRunOf(session, flags);
    const printer = await resultPrinter(session, flags, dryRun);
    const cpu = flags.cpu || (flags["cpu-percent"] >= 0 ? `${flags["cpu-percent"]}%` : "");
    const metrics = [...metric("cpu", cpu), ...metric("memory", flags.memory)];
    const selected = await selectObjects(session, {
      args,
      filenames: flags.filename,
      recursive: flags.recursive,
      latest: true,
    });
    await forEachObject(selected, async ({ object, resource, name, namespace }) => {
      if (!resource.subresources.includes("scale")) {
        throw new CommandError(
          `cannot autoscale a ${object.kind}: could not find scale subresource for ${resource.group}/${resource.version}, Resource=${resource.plural} in discovery information`,
        );
      }
      const made = {
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name: flags.name || name, ...(session.access.namespaceGiven ? { namespace } : {}) },
        spec: {
          maxReplicas: max,
          ...(metrics.length > 0 ? { metrics } : {}),
          ...(min > 0 ? { minReplicas: min } : {}),
          scaleTargetRef: { apiVersion: object.apiVersion, kind: object.kind, name },
        },
        status: { currentMetrics: null, desiredReplicas: 0 },
      } as unknown as AnyObject;
      const scaler = flags["save-config"] ? await withLastApplied(made) : made;
      if (dryRun === "client") {
        printer.print(scaler, "created");
        return;
      }
      const kind = {
        group: "autoscaling",
        version: "v2",
        kind: "HorizontalPodAutoscaler",
        plural: "horizontalpodautoscalers",
        namespaced: true,
      };
      const answer = await session.api.call<AnyObject>({
        method: "POST",
        path: pathOf(kind, { namespace }),
        query: writeQuery({ dryRun, fieldManager: flags["field-manager"] }),
        body: { ...scaler, metadata: { ...scaler.metadata, namespace } },
      });
      printer.print(answer, "autoscaled");
    });
  },
});

/** `70%` of what is asked for, or an amount per pod. */
function metric(name: string, aim: string): readonly object[] {
  if (!aim) return [];
  const share = /^(\d+)%$/.exec(aim)?.[1];
  const target = share
    ? { averageUtilization: Number(share), type: "Utilization" }
    : { averageValue: aim, type: "AverageValue" };
  return [{ resource: { name, target }, type: "Resource" }];
}
