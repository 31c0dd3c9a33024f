import { int, text } from "../flags/flag.ts";
import { CommandError } from "../messages.ts";
import type { AnyObject } from "../resources/resource-info.ts";

/** Flags that `run` had in 2016 and has no more: whoever gives one means the `run` of then. */
export const runFlags2016 = {
  generator: text(
    "As in 2016: what to make: run/v1, run-pod/v1, deployment/v1beta1, job/v1beta1 or job/v1; by default what --restart asks for.",
  ),
  hostport: int("As in 2016: the port of the node that leads to the container.", { default: -1 }),
  limits: text("As in 2016: what the container may use, as cpu=200m,memory=512Mi."),
  replicas: int("As in 2016: how many pods to keep running.", { short: "r", default: 1 }),
  requests: text("As in 2016: what the container needs, as cpu=100m,memory=256Mi."),
  type: text("As in 2016: the type of the service that --expose makes."),
} as const;

export interface RunFlags2016 {
  readonly generator: string;
  readonly hostport: number;
  readonly limits: string;
  readonly replicas: number;
  readonly requests: string;
  readonly restart: string;
}

/** What keeps the pod running, as the generators of kubectl 1.2 made it. Throws CommandError. */
export function workload2016(pod: AnyObject, flags: RunFlags2016): { object: AnyObject; plural: string } {
  const generator = flags.generator || (flags.restart === "Always" ? "deployment/v1beta1" : "job/v1beta1");
  const { name, namespace, labels } = pod.metadata;
  const metadata = { name, labels, ...(namespace ? { namespace } : {}) };
  const spec = { ...(pod.spec as object), containers: [containerOf(pod, flags)] };
  const template = { metadata: { labels }, spec };
  const made = (apiVersion: string, kind: string, plural: string, itsSpec: object) => ({
    object: { apiVersion, kind, metadata, spec: itsSpec } as unknown as AnyObject,
    plural,
  });
  const { replicas, restart } = flags;
  if (replicas < 0) throw new CommandError(`invalid --replicas: ${replicas}`);
  switch (generator) {
    case "deployment/v1beta1":
      alwaysOnly(generator, restart);
      return made("extensions/v1beta1", "Deployment", "deployments", {
        replicas,
        selector: { matchLabels: labels },
        template,
      });
    case "run/v1":
      alwaysOnly(generator, restart);
      return made("v1", "ReplicationController", "replicationcontrollers", { replicas, selector: labels, template });
    case "run-pod/v1":
      if (replicas !== 1) throw new CommandError("--replicas: run-pod/v1 makes one pod");
      return made("v1", "Pod", "pods", spec);
    case "job/v1beta1":
    case "job/v1":
      if (restart === "Always") {
        throw new CommandError(`${generator} makes jobs, which end: give --restart=OnFailure or --restart=Never`);
      }
      return made(generator === "job/v1" ? "batch/v1" : "extensions/v1beta1", "Job", "jobs", { template });
    default:
      throw new CommandError(`generator ${JSON.stringify(generator)} not found.`);
  }
}

function alwaysOnly(generator: string, restart: string): void {
  if (restart !== "Always") {
    throw new CommandError(
      `${generator} keeps pods running, so that --restart can only be Always; --generator=job/v1 and run-pod/v1 take ${restart}`,
    );
  }
}

function containerOf(pod: AnyObject, flags: RunFlags2016): object {
  const { containers } = pod.spec as {
    readonly containers: readonly { readonly ports?: readonly { readonly containerPort: number }[] }[];
  };
  const [container] = containers;
  const ports = container?.ports?.map((port) => (flags.hostport >= 0 ? { ...port, hostPort: flags.hostport } : port));
  const resources = {
    ...(flags.limits ? { limits: amounts(flags.limits) } : {}),
    ...(flags.requests ? { requests: amounts(flags.requests) } : {}),
  };
  return { ...container, ...(ports ? { ports } : {}), resources };
}

function amounts(written: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    written.split(",").map((pair) => {
      const [resource = "", amount = "", ...more] = pair.split("=");
      if (!resource || !amount || more.length > 0)
        throw new CommandError(`Invalid argument syntax ${pair}, expected <resource>=<value>`);
      return [resource, amount];
    }),
  );
}
