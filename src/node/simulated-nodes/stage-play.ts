import type { Pod } from "../../api/generated/core-v1.ts";
import type { Random } from "../../lib/random.ts";
import { parseDuration } from "../../machinery/times.ts";
import type { Stage, StageDuration } from "./stage-file.ts";

/** The stage that a pod waits for, and when its time comes (milliseconds since the Unix epoch). */
export interface ChosenStage {
  readonly at: number;
  readonly stage: Stage;
}

interface Choice extends ChosenStage {
  readonly uid: string;
  /** Which stages it was chosen from: as long as the same ones apply, the choice stands. */
  readonly from: string;
}

/** One stage follows itself no sooner than this, so that one that always applies does not run without end. */
const leastRepeat = 1000;

/** Chooses each pod's next stage: among those that apply, by weight. A delay counts from when they began to apply. */
export class StagePlay {
  readonly #random: Random;
  readonly #choices = new Map<string, Choice>();
  readonly #last = new Map<string, { readonly uid: string; readonly stage: string; readonly at: number }>();
  #stages: readonly Stage[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  use(stages: readonly Stage[]): void {
    this.#stages = stages;
    this.#choices.clear();
  }

  /** `key` is the pod's namespace and name. Undefined when no stage applies to the pod as it is. */
  next(key: string, pod: Pod, now: number): ChosenStage | undefined {
    const applying = this.#stages.filter(({ selects }) => selects(pod));
    if (applying.length === 0) {
      this.#choices.delete(key);
      return undefined;
    }
    const { uid } = pod.metadata;
    const from = applying.map(({ name }) => name).join(" ");
    const known = this.#choices.get(key);
    if (known?.uid === uid && known.from === from) return known;
    const stage = this.#byWeight(applying);
    const last = this.#last.get(key);
    const soonest = last?.uid === uid && last.stage === stage.name ? last.at + leastRepeat : now;
    const choice = { uid, from, stage, at: Math.max(soonest, this.#due(stage, pod, now)) };
    this.#choices.set(key, choice);
    return choice;
  }

  /** The chosen stage was carried out; the pod may have gone on meanwhile. */
  done(key: string, { metadata: { uid } }: Pod, chosen: ChosenStage, now: number): void {
    if (this.#choices.get(key) === chosen) this.#choices.delete(key);
    this.#last.set(key, { uid, stage: chosen.stage.name, at: now });
  }

  forget(key: string): void {
    this.#choices.delete(key);
    this.#last.delete(key);
  }

  #byWeight(stages: readonly Stage[]): Stage {
    const total = stages.reduce((sum, { weight }) => sum + weight, 0);
    // Without weights all are alike.
    const weightOf = ({ weight }: Stage) => (total === 0 ? 1 : weight);
    let left = this.#random.next() * (total === 0 ? stages.length : total);
    for (const stage of stages) {
      left -= weightOf(stage);
      if (left < 0) return stage;
    }
    return stages.at(-1)!;
  }

  #due({ delay, jitter }: Stage, pod: Pod, now: number): number {
    const first = momentOf(delay, pod, now);
    if (!jitter) return first;
    const last = momentOf(jitter, pod, now);
    return last <= first ? last : first + Math.floor(this.#random.next() * (last - first));
  }
}

function momentOf({ milliseconds, from }: StageDuration, pod: Pod, now: number): number {
  const [said] = from?.(pod) ?? [];
  if (typeof said !== "string") return now + milliseconds;
  if (/^\d{4}-/.test(said)) return Date.parse(said) || now + milliseconds;
  try {
    return now + Number(parseDuration(said) / 1_000_000n);
  } catch {
    // What an annotation says wrongly is as if it said nothing.
    return now + milliseconds;
  }
}
