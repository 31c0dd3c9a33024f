import type { HorizontalPodAutoscalerBehavior, HPAScalingRules } from "../../api/generated/autoscaling-v2.ts";

/** How long a recommendation to stay large counts where nothing else is said (upstream's default). */
const downWindowSeconds = 300;

export interface Recommendation {
  readonly replicas: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A change of size that was made. */
export interface ScaleEvent {
  /** By how many, always positive. */
  readonly change: number;
  readonly at: number;
}

/** What an autoscaler remembers of its past; lost with the process, as upstream's. */
export interface Memory {
  readonly recommendations: readonly Recommendation[];
  readonly ups: readonly ScaleEvent[];
  readonly downs: readonly ScaleEvent[];
}

export interface Wish {
  readonly current: number;
  readonly desired: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly behavior?: HorizontalPodAutoscalerBehavior;
  readonly memory: Memory;
  readonly now: number;
}

interface Note {
  readonly reason: string;
  readonly message: string;
}

export interface Limited {
  readonly replicas: number;
  /** What the recommendation was before it was limited in speed and size. */
  readonly stabilized: number;
  /** Why stabilization chose another number; undefined when it did not. */
  readonly stabilizedBy?: Note;
  /** How the number stands to the limits; it is limited where `replicas` is not `stabilized`. */
  readonly range: Note;
  readonly memory: Memory;
}

const lowest = {
  reason: "ScaleUpStabilized",
  message: "recent recommendations were lower than current one, applying the lowest recent recommendation",
};
const highest = {
  reason: "ScaleDownStabilized",
  message: "recent recommendations were higher than current one, applying the highest recent recommendation",
};
const tooFast = {
  reason: "ScaleUpLimit",
  message: "the desired replica count is increasing faster than the maximum scale rate",
};
const tooFastDown = {
  reason: "ScaleDownLimit",
  message: "the desired replica count is decreasing faster than the maximum scale rate",
};
const tooMany = {
  reason: "TooManyReplicas",
  message: "the desired replica count is more than the maximum replica count",
};
const tooFew = {
  reason: "TooFewReplicas",
  message: "the desired replica count is less than the minimum replica count",
};
const within = { reason: "DesiredWithinRange", message: "the desired count is within the acceptable range" };

/** Keeps a wish within stabilization windows, speed and bounds. */
export function limit(wish: Wish): Limited {
  const { desired, memory, now, behavior } = wish;
  const upWindow = behavior?.scaleUp?.stabilizationWindowSeconds ?? 0;
  const downWindow = behavior?.scaleDown?.stabilizationWindowSeconds ?? downWindowSeconds;
  const stabilized = stabilize(wish, upWindow, downWindow);
  const longest = Math.max(upWindow, downWindow);
  const kept = memory.recommendations.filter(({ at }) => at > now - longest * 1000);
  const { replicas, range } = behavior ? byRules({ ...wish, desired: stabilized }) : byDefault(wish, stabilized);
  const isUp = behavior !== undefined && desired >= wish.current;
  return {
    replicas,
    stabilized,
    ...(stabilized === desired ? {} : { stabilizedBy: isUp ? lowest : highest }),
    range,
    memory: { ...memory, recommendations: [...kept, { replicas: desired, at: now }] },
  };
}

/** Writes down that the size was changed, for the limits of speed to come. */
export function remember(memory: Memory, from: number, to: number, wish: Pick<Wish, "behavior" | "now">): Memory {
  const { behavior, now } = wish;
  if (!behavior) return memory;
  const add = (events: readonly ScaleEvent[], rules: HPAScalingRules | undefined, change: number) => {
    const longest = Math.max(0, ...(rules?.policies ?? []).map(({ periodSeconds }) => periodSeconds));
    return [...events.filter(({ at }) => at > now - longest * 1000), { change, at: now }];
  };
  return to > from
    ? { ...memory, ups: add(memory.ups, behavior.scaleUp, to - from) }
    : { ...memory, downs: add(memory.downs, behavior.scaleDown, from - to) };
}

/** With rules the size stays as it is between the lowest and the highest of recent recommendations; without, the highest counts. */
function stabilize({ current, desired, behavior, memory, now }: Wish, upWindow: number, downWindow: number): number {
  const since = (seconds: number) =>
    memory.recommendations.filter(({ at }) => at > now - seconds * 1000).map(({ replicas }) => replicas);
  const least = Math.min(desired, ...since(upWindow));
  const most = Math.max(desired, ...since(downWindow));
  return behavior ? Math.min(Math.max(current, least), most) : most;
}

function byDefault({ current, minimum, maximum }: Wish, desired: number) {
  const fastest = Math.max(2 * current, 4);
  if (desired < minimum) return { replicas: minimum, range: tooFew };
  if (desired > Math.min(maximum, fastest)) {
    return maximum > fastest ? { replicas: fastest, range: tooFast } : { replicas: maximum, range: tooMany };
  }
  return { replicas: desired, range: within };
}

function byRules(wish: Wish) {
  const { current, desired, minimum, maximum, behavior, memory, now } = wish;
  const sum = (events: readonly ScaleEvent[], seconds: number) =>
    events.filter(({ at }) => at > now - seconds * 1000).reduce((total, { change }) => total + change, 0);
  const startOf = (seconds: number) => current - sum(memory.ups, seconds) + sum(memory.downs, seconds);
  if (desired > current) {
    const fastest = Math.max(current, upLimit(current, behavior?.scaleUp, startOf));
    if (desired > Math.min(maximum, fastest)) {
      return maximum > fastest ? { replicas: fastest, range: tooFast } : { replicas: maximum, range: tooMany };
    }
  } else if (desired < current) {
    const fastest = Math.min(current, downLimit(current, behavior?.scaleDown, startOf));
    if (desired < Math.max(minimum, fastest)) {
      return minimum < fastest ? { replicas: fastest, range: tooFastDown } : { replicas: minimum, range: tooFew };
    }
  }
  return { replicas: desired, range: within };
}

function upLimit(current: number, rules: HPAScalingRules | undefined, startOf: (seconds: number) => number): number {
  if (!rules || rules.selectPolicy === "Disabled") return rules ? current : Number.POSITIVE_INFINITY;
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = startOf(periodSeconds);
    return type === "Pods" ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return rules.selectPolicy === "Min" ? Math.min(...limits) : Math.max(...limits);
}

function downLimit(current: number, rules: HPAScalingRules | undefined, startOf: (seconds: number) => number): number {
  if (!rules || rules.selectPolicy === "Disabled") return rules ? current : Number.NEGATIVE_INFINITY;
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = startOf(periodSeconds);
    return type === "Pods" ? start - value : Math.trunc(start * (1 - value / 100));
  });
  // The policy that allows the most change is the one that leaves the fewest.
  return rules.selectPolicy === "Min" ? Math.max(...limits) : Math.min(...limits);
}
