import type { Pod } from "../../api/generated/core-v1.ts";
import { family, metricsText, type Sample } from "../server/metrics-text.ts";

export type ProbeResult = "successful" | "failed";

interface Count {
  readonly labels: Readonly<Record<string, string>>;
  value: number;
}

/** How often probes were asked and what they said, as `/metrics/probes` tells it; a pod that went is forgotten. */
export class ProbeCounts {
  readonly #pods = new Map<string, Map<string, Count>>();

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

  forget(uid: string): void {
    this.#pods.delete(uid);
  }

  text(): string {
    const samples: readonly Sample[] = [...this.#pods.values()].flatMap((counts) => [...counts.values()]);
    const help = "Probes of containers, by what they said";
    return metricsText([family("prober_probe_total", "counter", help, samples)]);
  }
}
