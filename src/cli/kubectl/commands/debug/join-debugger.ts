import type { Pod } from "../../resources/pods.ts";
import type { Session } from "../../session.ts";
import type { AttachOptions } from "../pods/attach.ts";
import { joinOrShowLog, showLog, untilPod } from "../pods/join.ts";

/** Waits until a debugging container runs and joins it; shows what it said when it has ended by then. */
export async function joinDebugger(
  session: Session,
  { pod: { metadata }, container }: { readonly pod: Pod; readonly container: string },
  options: Omit<AttachOptions, "container">,
): Promise<void> {
  const pod = await untilPod(session, metadata, (seen) => {
    const state = stateOf(seen, container);
    if (state?.running || state?.terminated) return true;
    if (!options.quiet && state?.waiting?.message) session.warn(`container ${container}: ${state.waiting.message}`);
    return false;
  });
  if (stateOf(pod, container)?.terminated) return await showLog(session, pod, container);
  await joinOrShowLog(session, pod, { ...options, container });
}

function stateOf({ status }: Pod, container: string) {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return all.find(({ name }) => name === container)?.state;
}
