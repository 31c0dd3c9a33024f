import { isStatus } from "../../../machinery/status-error.ts";
import { CommandError, throwAll } from "../messages.ts";
import type { Session } from "../session.ts";
import { type AnyObject, pathOf, type ResourceInfo } from "./resource-info.ts";

/** Waits until objects that were deleted are gone, or others stand in their place. Throws CommandError when time is up. */
export async function waitGone(
  session: Session,
  deleted: readonly { readonly info: ResourceInfo; readonly uid: string }[],
  options: { readonly timeout: number; readonly told?: (info: ResourceInfo) => void },
): Promise<void> {
  const end = session.host.clock.monotonic() + options.timeout;
  const errors: unknown[] = [];
  for (const { info, uid } of deleted) {
    try {
      await oneGone(session, info, uid, end);
      options.told?.(info);
    } catch (error) {
      // Whoever may not look cannot wait, as upstream: the deletion itself went well.
      if (!isStatus(error, "Forbidden", "MethodNotAllowed")) errors.push(error);
    }
  }
  throwAll(errors);
}

async function oneGone(session: Session, info: ResourceInfo, uid: string, end: number): Promise<void> {
  const { resource, namespace, name } = info;
  for (;;) {
    let object: AnyObject;
    try {
      object = await session.api.call<AnyObject>({ path: pathOf(resource, info) });
    } catch (error) {
      if (isStatus(error, "NotFound")) return;
      throw error;
    }
    if (uid !== "" && object.metadata.uid !== uid) return;
    const left = end - session.host.clock.monotonic();
    if (left <= 0) throw new CommandError(`timed out waiting for the condition on ${resource.plural}/${name}`);
    const events = session.api.watch({
      path: pathOf(resource, { namespace }),
      query: {
        watch: true,
        fieldSelector: `metadata.name=${name}`,
        resourceVersion: object.metadata.resourceVersion,
        timeoutSeconds: Math.max(1, Math.min(Math.ceil(left / 1000), 3600)),
      },
    });
    for await (const { type } of events) if (type === "DELETED" || type === "ERROR") break;
  }
}
