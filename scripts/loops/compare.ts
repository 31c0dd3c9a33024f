import { type Entry, type Outcome, placeholder } from "./recording.ts";

const any = placeholder("any");
const anyOrAbsent = placeholder("anyOrAbsent");

/** What one side of a comparison has and the other lacks. */
export interface Unequal {
  readonly recorded: readonly Entry[];
  readonly seen: readonly Entry[];
}

/** JSON with sorted keys: equal for equal values. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(",")}}`;
}

/** Whether a value is as recorded; `${any}` stands for anything, `${anyOrAbsent}` for nothing too. */
export function fits(recorded: unknown, seen: unknown): boolean {
  if (recorded === any) return seen !== undefined;
  if (recorded === anyOrAbsent) return true;
  if (typeof recorded === "string" && recorded.includes(any) && typeof seen === "string") {
    const parts = recorded.split(any).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`, "s").test(seen);
  }
  if (Array.isArray(recorded)) {
    if (!Array.isArray(seen) || recorded.length !== seen.length) return false;
    return recorded.every((item, index) => fits(item, seen[index]));
  }
  if (typeof recorded === "object" && recorded !== null) {
    if (typeof seen !== "object" || seen === null || Array.isArray(seen)) return false;
    const names = new Set([...Object.keys(recorded), ...Object.keys(seen)]);
    return [...names].every((name) => fits((recorded as Entry)[name], (seen as Entry)[name]));
  }
  return recorded === seen;
}

/** Equal entries taken together: the entry without `times`, and how many there are. */
function counted(entries: readonly Entry[]): Map<string, { readonly entry: Entry; times: number | "any" }> {
  const found = new Map<string, { readonly entry: Entry; times: number | "any" }>();
  for (const { times = 1, ...entry } of entries) {
    const key = canonical(entry);
    const known = found.get(key);
    if (times === any) found.set(key, { entry, times: "any" });
    else if (!known) found.set(key, { entry, times: times as number });
    else if (known.times !== "any") known.times += times as number;
  }
  return found;
}

/** Compares two sets of entries. `uncounted`: entries that count once however often they are there. */
export function compareSets(
  recorded: readonly Entry[],
  seen: readonly Entry[],
  uncounted: (entry: Entry) => boolean = () => false,
): Unequal {
  const wanted = counted(recorded);
  const found = counted(seen);
  for (const [key, want] of wanted) {
    const have = found.get(key) ?? [...found.values()].find(({ entry }) => fits(want.entry, entry));
    if (!have) continue;
    const enough = want.times === "any" || uncounted(want.entry) || want.times === have.times;
    if (enough) {
      wanted.delete(key);
      found.delete(canonical(have.entry));
    } else if (typeof want.times === "number" && typeof have.times === "number") {
      // A pattern may stand for several different entries.
      const common = Math.min(want.times, have.times);
      want.times -= common;
      have.times -= common;
      if (want.times === 0) wanted.delete(key);
      if (have.times === 0) found.delete(canonical(have.entry));
    }
  }
  const rest = (map: ReturnType<typeof counted>): readonly Entry[] =>
    [...map.values()].map(({ entry, times }) => (times === 1 ? entry : { ...entry, times }));
  return { recorded: rest(wanted), seen: rest(found) };
}

const retriedReasons = ["FailedBinding", "ExternalProvisioning", "WaitForFirstConsumer", "WaitForPodScheduled"];

/** Whether an event tells of something that is tried again and again: the recordings have those once. */
const isRetried = ({ type, reason }: Entry) => type === "Warning" || retriedReasons.includes(String(reason));

/** Leaves out what an earlier step told already of things that are tried again and again. */
export function withoutRetries<T extends Outcome>(outcomes: readonly T[]): readonly T[] {
  const told = new Set<string>();
  return outcomes.map((outcome) => {
    const events = outcome.events.filter(({ times: _, ...event }) => !isRetried(event) || !told.has(canonical(event)));
    for (const { times: _, ...event } of events) told.add(canonical(event));
    return { ...outcome, events };
  });
}

/** Compares what there was to see after a step with the recording. Empty when it is equal. */
export function compareOutcomes(
  recorded: Outcome,
  seen: Outcome & { readonly broken?: readonly string[] },
): readonly Unequal[] {
  const varies = new Set(recorded.objectsVary ?? []);
  const steady = (entries: readonly Entry[]) =>
    entries.filter(({ kind, name }) => !varies.has(`${kind}/${name}`)).map(withSortedLists);
  const objects = compareSets(steady(recorded.objects), steady(seen.objects));
  const free = recorded.eventsSometimes ?? [];
  const isFree = ({ times: _, ...event }: Entry) => free.some(({ times: _, ...other }) => fits(other, event));
  const events = compareSets(recorded.events, seen.events, isRetried);
  const scaled = recorded.events.some(isStep) && seen.events.some(isStep);
  const left = withoutFreeSteps({ ...events, seen: events.seen.filter((event) => !isFree(event)) }, scaled);
  const refusals = (outcome: Outcome) => (outcome.answers ?? []).filter(({ status }) => Number(status) >= 400);
  const answers = compareSets(refusals(recorded), refusals(seen));
  const summary = compareSets(recorded.summary ? [recorded.summary] : [], seen.summary ? [seen.summary] : []);
  const broken = { recorded: [], seen: (seen.broken ?? []).map((message) => ({ broken: message })) };
  return [objects, left, answers, summary, broken].filter(
    (unequal) => unequal.recorded.length > 0 || unequal.seen.length > 0,
  );
}

const isStep = ({ reason }: Entry) => reason === "ScalingReplicaSet";

/**
 * Through which numbers a rollout with instant readiness goes is a matter of speed, and more than ten similar events
 * are combined into one: such events only have to be about the same objects. That the limits of surge hold is
 * `RolloutWatch`'s part, that the end is the same the objects'.
 */
function withoutFreeSteps({ recorded, seen }: Unequal, scaled: boolean): Unequal {
  const isCombined = ({ message }: Entry) => String(message).startsWith("(combined from similar events)");
  const combined = [...recorded, ...seen].filter(isCombined);
  const isFree = (event: Entry) =>
    combined.some(({ reason, object }) => reason === event.reason && object === event.object);
  const drop = (event: Entry) => (scaled && isStep(event)) || isFree(event);
  return { recorded: recorded.filter((event) => !drop(event)), seen: seen.filter((event) => !drop(event)) };
}

/** Endpoints and the addresses of subsets come in no order; equal ones are written once. */
function withSortedLists(entry: Entry): Entry {
  const sorted = (list: unknown) =>
    Array.isArray(list)
      ? list
          .flatMap(({ times = 1, ...item }: Entry) => Array.from({ length: times as number }, () => item))
          .sort((one, other) => (canonical(one) < canonical(other) ? -1 : 1))
      : list;
  if (entry.kind === "EndpointSlice")
    return { ...entry, endpoints: sorted(entry.endpoints), ports: sorted(entry.ports) };
  if (entry.kind === "Endpoints" && Array.isArray(entry.subsets)) {
    const subsets = entry.subsets.map((subset: Entry) => ({
      ports: sorted(subset.ports),
      addresses: sorted(subset.addresses),
      notReadyAddresses: sorted(subset.notReadyAddresses),
    }));
    return { ...entry, subsets: sorted(subsets) };
  }
  return entry;
}
