import { errorMessage } from "../../../../lib/fault.ts";
import { notFound, StatusError } from "../../../../machinery/status-error.ts";
import { CommandError } from "../../messages.ts";
import { type Pod, podKind } from "../../resources/pods.ts";
import { pathOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";
import { type AttachOptions, attachToPod } from "./attach.ts";

/** Follows a pod until it is as wanted. Throws CommandError when time (milliseconds; 0 is for ever) is up. */
export async function untilPod(
  session: Session,
  { name, namespace }: Pod["metadata"],
  wanted: (pod: Pod) => boolean,
  { timeout = 0 }: { readonly timeout?: number } = {},
): Promise<Pod> {
  const { clock } = session.host;
  const end = clock.monotonic() + timeout;
  for (;;) {
    const left = end - clock.monotonic();
    if (timeout > 0 && left <= 0) throw new CommandError("timed out waiting for the condition");
    const events = session.api.watch({
      path: pathOf(podKind, { namespace }),
      query: {
        watch: true,
        fieldSelector: `metadata.name=${name}`,
        timeoutSeconds: timeout > 0 ? Math.max(1, Math.ceil(left / 1000)) : undefined,
      },
    });
    for await (const { type, object } of events) {
      if (type === "DELETED") throw notFound({ group: "", plural: "pods" }, "");
      if (type === "ERROR") throw StatusError.fromStatus(object as Parameters<typeof StatusError.fromStatus>[0]);
      if (wanted(object as Pod)) return object as Pod;
    }
  }
}

/** Joins a container that runs; shows what it said where nobody can join. */
export async function joinOrShowLog(session: Session, pod: Pod, options: AttachOptions): Promise<void> {
  try {
    await attachToPod(session, pod, options);
  } catch (error) {
    // How the program ended is its own affair; that nobody could join is told.
    if (session.host.signal.aborted || (error instanceof CommandError && error.exitCode !== 1)) throw error;
    session.complain(
      `warning: couldn't attach to pod/${pod.metadata.name}, falling back to streaming logs: ${errorMessage(error)}`,
    );
    await showLog(session, pod, options.container);
  }
}

/** Shows what a container said and says until it ends; an empty name is the pod's only container. */
export async function showLog(session: Session, { metadata }: Pod, container: string): Promise<void> {
  const path = pathOf(podKind, metadata, "log");
  for await (const chunk of await session.api.stream({ path, query: { container: container || undefined } })) {
    session.host.stdout.write(chunk);
  }
}
