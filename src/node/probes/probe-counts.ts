import type { Pod } from "../../api/generated/core-v1.ts";
import { family, metricsText, type Sample } from "../server/metrics-text.ts";

export type ProbeResult = "successful" | "failed";

interface Count {
  readonly labels: Readonly<Record<string, string>>;
  value: number;
}

interface Duration {
  readonly labels: Readonly<Record<string, string>>;
  /** How many took at most as long as each bound. */
  readonly within: number[];
  count: number;
  sum: number;
}

/** Upper bounds in seconds (as upstream). */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How often probes were asked, what they said and how long it took, as `/metrics/probes` tells it; a pod that went is forgotten. */
export class ProbeCounts {
  readonly #pods = new Map<string, Map<string, Count>>();
  readonly #durations = new Map<string, Map<string, Duration>>();

  count(pod: Pod, container: string, probeType: string, result: ProbeResult): void {
    const { name, namespace, uid } = pod.metadata;
    const counts = this.#pods.get(uid) ?? new Map<string, Count>();
    this.#pods.set(uid, counts);
    const key = `${container}/${probeType}/${result}`;
    const labels = { container, namespace, pod: name, pod_uid: uid, probe_type: probeType, result };
    const count = counts.get(key) ?? { labels, value: 0 };
    count.value += 1;
    counts.set(key, count);
  }

  /** A probe that succeeded took so many seconds; of others that is not told (as upstream). */
  took(pod: Pod, container: string, probeType: string, seconds: number): void {
    const { name, namespace, uid } = pod.metadata;
    const durations = this.#durations.get(uid) ?? new Map<string, Duration>();
    this.#durations.set(uid, durations);
    const key = `${container}/${probeType}`;
    const labels = { container, namespace, pod: name, probe_type: probeType };
    const duration = durations.get(key) ?? { labels, within: bounds.map(() => 0), count: 0, sum: 0 };
    for (const [index, bound] of bounds.entries()) if (seconds <= bound) duration.within[index]! += 1;
    duration.count += 1;
    duration.sum += seconds;
    durations.set(key, duration);
  }

  forget(uid: string): void {
    this.#pods.delete(uid);
    this.#durations.delete(uid);
  }

  text(): string {
    const samples: readonly Sample[] = [...this.#pods.values()].flatMap((counts) => [...counts.values()]);
    const help = "Probes of containers, by what they said";
    const durations = [...this.#durations.values()].flatMap((each) => [...each.values()]).flatMap(samplesOf);
    return metricsText([
      family("prober_probe_total", "counter", help, samples),
      family("prober_probe_duration_seconds", "histogram", "How long probes took that succeeded", durations),
    ]);
  }
}

function samplesOf({ labels, within, count, sum }: Duration): readonly Sample[] {
  const bucket = (le: string, value: number) => ({ labels: { ...labels, le }, value, suffix: "_bucket" });
  return [
    ...within.map((value, index) => bucket(String(bounds[index]), value)),
    bucket("+Inf", count),
    { labels, value: sum, suffix: "_sum" },
    { labels, value: count, suffix: "_count" },
  ];
}
