import type { Pod } from "../../api/core/pod.ts";
import { isPodReady } from "../../api/core/pod-state.ts";
import { Fault } from "../../lib/fault.ts";
import { milliValue } from "../../machinery/quantity.ts";
import { timeMillis } from "../../machinery/times.ts";
import type { PodMetric, PodMetrics } from "./metrics-client.ts";

/** How long after its start a pod's use of CPU may be that of its start (upstream's default, in milliseconds). */
const initialization = 5 * 60_000;
/** Readiness that came this soon after the start is a pod's first one. */
const firstReadiness = 30_000;

/** How far from its target a ratio may be before anything is scaled. */
export interface Tolerances {
  readonly up: number;
  readonly down: number;
}

const isWithin = ({ up, down }: Tolerances, ratio: number): boolean => 1 - down <= ratio && ratio <= 1 + up;

export interface Proposal {
  readonly replicas: number;
  /** Average per pod, in thousandths. */
  readonly average: number;
  /** In percent of what was asked for; only where the target is a utilization. */
  readonly utilization?: number;
}

export interface PodsInput {
  readonly pods: readonly Pod[];
  readonly metrics: PodMetrics;
  readonly replicas: number;
  readonly tolerances: Tolerances;
  /** The resource measured; samples of `cpu` taken while a pod starts do not count. */
  readonly resource?: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

interface Usage {
  readonly ratio: number;
  readonly average: number;
  readonly utilization?: number;
}

/** Replicas for an average value per pod. `target` in thousandths. Throws Fault `unavailable` when nothing can be said. */
export function forAverageValue(input: PodsInput, target: number): Proposal {
  if (input.pods.length === 0) throw none("no pods returned by selector while calculating replica count");
  return propose(input, {
    usageOf(metrics) {
      const total = [...metrics.values()].reduce((sum, value) => sum + value, 0);
      const average = Math.trunc(total / metrics.size);
      return { ratio: average / target, average };
    },
    // On the way down, who was not measured is taken to use just what it should.
    assumed: () => target,
  });
}

/** Replicas for a utilization in percent of the pods' requests, of one container where `container` is given. */
export function forUtilization(
  input: PodsInput & { readonly resource: string; readonly container?: string },
  target: number,
): Proposal {
  if (input.pods.length === 0) throw none("No pods returned by selector while calculating replica count");
  let requests: ReadonlyMap<string, number> | undefined;
  const requested = () => {
    requests ??= requestsOf(input.pods, input.resource, input.container);
    return requests;
  };
  return propose(input, {
    usageOf(metrics) {
      let used = 0;
      let asked = 0;
      let count = 0;
      for (const [pod, value] of metrics) {
        const request = requested().get(pod);
        if (request === undefined) continue;
        used += value;
        asked += request;
        count += 1;
      }
      if (asked === 0) throw none("no metrics returned matched known pods");
      const utilization = Math.trunc((used * 100) / asked);
      return { ratio: utilization / target, utilization, average: Math.trunc(used / count) };
    },
    assumed: (pod) => Math.trunc(((requested().get(pod) ?? 0) * Math.max(100, target)) / 100),
  });
}

/** Replicas for a value that is not about single pods: so many as bring the ratio to 1. */
export function forRatio(
  ratio: number,
  { replicas, pods, tolerances }: Pick<PodsInput, "replicas" | "pods" | "tolerances">,
): number {
  // From zero there is no pod yet to relate the ratio to.
  if (replicas === 0) return Math.ceil(ratio);
  if (isWithin(tolerances, ratio)) return replicas;
  if (pods.length === 0) {
    throw none("unable to calculate ready pods: no pods returned by selector while calculating replica count");
  }
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isPodReady(pod)).length;
  return Math.ceil(ratio * ready);
}

/** Replicas for a value that is shared by all pods; `usage` and `target` in thousandths, target per pod. */
export function forShare(usage: number, target: number, replicas: number, tolerances: Tolerances): Proposal {
  const ratio = usage / (target * replicas);
  return {
    replicas: isWithin(tolerances, ratio) ? replicas : Math.ceil(usage / target),
    average: Math.ceil(usage / replicas),
  };
}

interface Rules {
  /** Throws when nothing known was measured. */
  readonly usageOf: (metrics: ReadonlyMap<string, number>) => Usage;
  /** What a pod that was not measured counts as on the way down. */
  readonly assumed: (pod: string) => number;
}

function propose(input: PodsInput, { usageOf, assumed }: Rules): Proposal {
  const { pods, replicas, tolerances } = input;
  const groups = grouped(pods, input);
  const measured = new Map<string, number>();
  for (const [pod, { value }] of input.metrics) {
    if (!groups.ignored.has(pod) && !groups.unready.has(pod)) measured.set(pod, value);
  }
  if (measured.size === 0) throw none("did not receive metrics for targeted pods (pods might be unready)");
  const { ratio, ...usage } = usageOf(measured);
  const upWithUnready = groups.unready.size > 0 && ratio > 1;
  if (!upWithUnready && groups.missing.size === 0) {
    return { ...usage, replicas: isWithin(tolerances, ratio) ? replicas : Math.ceil(ratio * groups.ready) };
  }
  // What is not known is taken to be what makes the change smaller.
  for (const pod of groups.missing) {
    if (ratio < 1) measured.set(pod, assumed(pod));
    else if (ratio > 1) measured.set(pod, 0);
  }
  if (upWithUnready) for (const pod of groups.unready) measured.set(pod, 0);
  const { ratio: damped } = usageOf(measured);
  const turned = (ratio < 1 && damped > 1) || (ratio > 1 && damped < 1);
  if (isWithin(tolerances, damped) || turned) return { ...usage, replicas };
  const next = Math.ceil(damped * measured.size);
  const against = (damped < 1 && next > replicas) || (damped > 1 && next < replicas);
  return { ...usage, replicas: against ? replicas : next };
}

interface Groups {
  readonly ready: number;
  readonly unready: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
  readonly ignored: ReadonlySet<string>;
}

function grouped(pods: readonly Pod[], { metrics, resource, now }: PodsInput): Groups {
  const unready = new Set<string>();
  const missing = new Set<string>();
  const ignored = new Set<string>();
  let ready = 0;
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    const metric = metrics.get(name);
    if (deletionTimestamp || pod.status?.phase === "Failed") ignored.add(name);
    else if (pod.status?.phase === "Pending") unready.add(name);
    else if (!metric) missing.add(name);
    else if (resource === "cpu" && isStarting(pod, metric, now)) unready.add(name);
    else ready += 1;
  }
  return { ready, unready, missing, ignored };
}

/** Whether a sample of CPU is (or may be) that of a pod's start. */
function isStarting(pod: Pod, { at, window }: PodMetric, now: number): boolean {
  const { startTime, conditions } = pod.status ?? {};
  const ready = conditions?.find(({ type }) => type === "Ready");
  if (!ready || !startTime) return true;
  const started = timeMillis(startTime);
  const since = ready.lastTransitionTime ? timeMillis(ready.lastTransitionTime) : 0;
  if (started + initialization > now) return ready.status === "False" || at < since + window;
  return ready.status === "False" && started + firstReadiness > since;
}

function requestsOf(pods: readonly Pod[], resource: string, container?: string): ReadonlyMap<string, number> {
  return new Map(
    pods.map(({ metadata, spec }) => {
      const counted = spec.containers.filter(({ name }) => container === undefined || name === container);
      const sum = counted.reduce((total, { name, resources }) => {
        const request = (resources?.requests as Readonly<Record<string, string>> | undefined)?.[resource];
        if (request === undefined) {
          throw none(`missing request for ${resource} in container ${name} of Pod ${metadata.name}`);
        }
        return total + milliValue(request);
      }, 0);
      return [metadata.name, sum] as const;
    }),
  );
}

const none = (message: string) => new Fault("unavailable", message);
