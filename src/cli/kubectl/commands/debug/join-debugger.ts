import { errorMessage } from "../../../../lib/fault.ts";
import { notFound, StatusError } from "../../../../machinery/status-error.ts";
import { CommandError } from "../../messages.ts";
import { type Pod, podKind } from "../../resources/pods.ts";
import { pathOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";
import { type AttachOptions, attachToPod } from "../pods/attach.ts";

/** Waits until a debugging container runs and joins it; shows what it said when it has ended by then. */
export async function joinDebugger(
  session: Session,
  { pod: { metadata }, container }: { readonly pod: Pod; readonly container: string },
  options: Omit<AttachOptions, "container">,
): Promise<void> {
  const pod = await untilRun(session, metadata, { container, quiet: options.quiet });
  if (stateOf(pod, container)?.terminated) return await showLog(session, pod, container);
  try {
    await attachToPod(session, pod, { ...options, container });
  } catch (error) {
    // How the program ended is its own affair; that nobody could join is told.
    if (session.host.signal.aborted || (error instanceof CommandError && error.exitCode !== 1)) throw error;
    session.complain(
      `warning: couldn't attach to pod/${metadata.name}, falling back to streaming logs: ${errorMessage(error)}`,
    );
    await showLog(session, pod, container);
  }
}

async function untilRun(
  session: Session,
  { name, namespace }: Pod["metadata"],
  { container, quiet }: { readonly container: string; readonly quiet: boolean },
): Promise<Pod> {
  for (;;) {
    const events = session.api.watch({
      path: pathOf(podKind, { namespace }),
      query: { watch: true, fieldSelector: `metadata.name=${name}` },
    });
    for await (const { type, object } of events) {
      if (type === "DELETED") throw notFound({ group: "", plural: "pods" }, "");
      if (type === "ERROR") throw StatusError.fromStatus(object as Parameters<typeof StatusError.fromStatus>[0]);
      const pod = object as Pod;
      const state = stateOf(pod, container);
      if (state?.running || state?.terminated) return pod;
      if (!quiet && state?.waiting?.message) session.warn(`container ${container}: ${state.waiting.message}`);
    }
    if (session.host.signal.aborted) throw new CommandError("interrupted", { exitCode: 130 });
  }
}

function stateOf({ status }: Pod, container: string) {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return all.find(({ name }) => name === container)?.state;
}

async function showLog(session: Session, { metadata }: Pod, container: string): Promise<void> {
  const path = pathOf(podKind, metadata, "log");
  for await (const chunk of await session.api.stream({ path, query: { container } })) {
    session.host.stdout.write(chunk);
  }
}
