import type { Clock } from "../../lib/clock.ts";
import { faultCode } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Expectation } from "./changes.ts";
import type { CriChannel } from "./cri-channel.ts";
import { containerdSubscribe, containerdTopics, containerOfEvent, criMethod, criNamespace } from "./cri-wire.ts";

/** Where a runtime's hints come from: the CRI's own stream, containerd's own service, or nowhere (lists only). */
export type HintSource = "cri" | "containerd" | "none";

export interface HintOptions {
  readonly channel: CriChannel;
  readonly runtimeName: () => Promise<string>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Something happened to this id. */
  readonly hint: (id: string, about: { readonly expects?: Expectation | undefined }) => void;
  /** A stream begins or began anew: what happened before it was missed, so everything must be listed. */
  readonly connected: (source: HintSource) => Promise<void>;
}

/** Calls `hint` for what the runtime tells until `signal` is aborted, connecting again with growing waits. Never throws. */
export async function followHints(options: HintOptions): Promise<void> {
  const { signal, clock, log } = options;
  let failures = 0;
  let source: HintSource = "cri";
  while (!signal.aborted) {
    try {
      if (source === "none") {
        await options.connected("none");
        failures = 0;
        await clock.sleep(1_000, signal);
      } else {
        await followOnce(source, options, () => {
          failures = 0;
        });
        failures += 1;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (faultCode(error) === "unsupported") {
        source = source === "cri" && (await nameOrEmpty(options)) === "containerd" ? "containerd" : "none";
        continue;
      }
      failures += 1;
      log.debug("The runtime's event stream broke", { error, source, failures });
    }
    if (signal.aborted || failures === 0) continue;
    await clock.sleep(Math.min(2_000, 25 * 2 ** Math.min(failures, 8)), signal).catch(() => {});
  }
}

async function nameOrEmpty(options: HintOptions): Promise<string> {
  return options.runtimeName().catch(() => "");
}

async function followOnce(source: "cri" | "containerd", options: HintOptions, opened: () => void): Promise<void> {
  const { channel, signal, hint } = options;
  using _ = listWhileSubscribing(source, options, opened);
  if (source === "cri") {
    for await (const event of channel.stream(criMethod("RuntimeService", "GetContainerEvents"), {}, { signal })) {
      const expects = event.containerEventType === "CONTAINER_STOPPED_EVENT" ? ("end" as const) : undefined;
      if (event.containerId) hint(event.containerId, { expects });
    }
    return;
  }
  const filters = containerdTopics.map((topic) => `namespace==k8s.io,topic=="${topic}"`);
  for await (const envelope of channel.stream(containerdSubscribe, { filters }, { signal, headers: criNamespace })) {
    const id = containerOfEvent(envelope);
    if (id) hint(id, { expects: expectations[envelope.topic] });
  }
}

/**
 * Lists everything when a stream begins, and once more a moment later: these servers answer a subscription only with its
 * first event, so nobody can tell when it has come into force, and a change in between would wait for the next list.
 */
function listWhileSubscribing(source: HintSource, options: HintOptions, opened: () => void): Disposable {
  const list = () => void options.connected(source).then(opened, () => {});
  list();
  return options.clock.after(250, list);
}

const expectations: Readonly<Record<string, Expectation>> = { "/tasks/exit": "end", "/containers/delete": "gone" };
