import {
  type FrameworkMeter,
  preparedStatus,
  type Status,
  type Step,
  success,
  type TellPlugin,
  verdictStatus,
} from "./meter.ts";
import type { Plugin } from "./plugin.ts";
import { mapPlugins, type Profile } from "./profile.ts";

/** Filters are asked so often that of so many calls one is timed. */
const callsPerTimed = 32;

/** The same profile with plugins that tell how long their calls take. */
export function timedProfile(profile: Profile, now: FrameworkMeter["now"], tell: TellPlugin): Profile {
  const made = new Map<Plugin, Plugin>();
  const mapped = mapPlugins(profile, (plugin) => {
    const known = made.get(plugin) ?? timedPlugin(plugin, now, tell);
    made.set(plugin, known);
    return known;
  });
  return { ...mapped, tellScoring: (plugin, seconds) => tell(plugin, "Score", "Success", seconds) };
}

function timedPlugin(plugin: Plugin, now: FrameworkMeter["now"], tell: TellPlugin): Plugin {
  const timed =
    <A extends unknown[], R>(step: Step, run: (...given: A) => R, statusOf: (result: R) => Status) =>
    (...given: A): R => {
      const began = now();
      let status: Status = "Error";
      try {
        const result = run.apply(plugin, given);
        status = statusOf(result);
        return result;
      } finally {
        tell(plugin.name, step, status, (now() - began) / 1000);
      }
    };
  /** Calls that are many and short: a call that is not timed costs next to nothing more. */
  const sometimes = <P, N, S, R>(
    run: (pod: P, node: N, state: S) => R,
    timedRun: (pod: P, node: N, state: S) => R,
  ): ((pod: P, node: N, state: S) => R) => {
    let turn = 0;
    return (pod, node, state) =>
      turn++ % callsPerTimed === 0 ? timedRun(pod, node, state) : run.call(plugin, pod, node, state);
  };
  const timedLater =
    <A extends unknown[], R>(step: Step, run: (...given: A) => Promise<R>, statusOf: (result: R) => Status) =>
    async (...given: A): Promise<R> => {
      const began = now();
      let status: Status = "Error";
      try {
        const result = await run.apply(plugin, given);
        status = statusOf(result);
        return result;
      } finally {
        tell(plugin.name, step, status, (now() - began) / 1000);
      }
    };
  const { prepareFilter, filter, rescue, prepareScore, normalize } = plugin;
  const { reserve, unreserve, permit, preBind, bind, postBind } = plugin;
  const own: Partial<Plugin> = {
    ...(prepareFilter ? { prepareFilter: timed("PreFilter", prepareFilter, preparedStatus) } : {}),
    ...(filter ? { filter: sometimes(filter, timed("Filter", filter, verdictStatus)) } : {}),
    ...(rescue
      ? { rescue: timed("PostFilter", rescue, ({ kind }) => (kind === "preempt" ? "Success" : "Unschedulable")) }
      : {}),
    ...(prepareScore ? { prepareScore: timed("PreScore", prepareScore, preparedStatus) } : {}),
    ...(normalize ? { normalize: timed("ScoreExtensionNormalize", normalize, success) } : {}),
    ...(reserve ? { reserve: timed("Reserve", reserve, verdictStatus) } : {}),
    ...(unreserve ? { unreserve: timed("Unreserve", unreserve, success) } : {}),
    ...(permit
      ? { permit: timed("Permit", permit, (said) => (said && "waitMs" in said ? "Wait" : verdictStatus(said))) }
      : {}),
    ...(preBind ? { preBind: timedLater("PreBind", preBind, verdictStatus) } : {}),
    ...(bind ? { bind: timedLater("Bind", bind, (bound) => (bound ? "Success" : "Skip")) } : {}),
    ...(postBind ? { postBind: timed("PostBind", postBind, success) } : {}),
  };
  // Whatever else it has, on itself or as an instance of a class, stays reachable.
  return Object.assign(Object.create(plugin) as Plugin, own);
}
