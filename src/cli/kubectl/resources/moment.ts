import { findMoment } from "../../../cluster/history/object-history.ts";
import { StatusError } from "../../../machinery/status-error.ts";
import { CommandError } from "../messages.ts";
import { isTable } from "../output/table.ts";
import type { Session } from "../session.ts";
import type { Query } from "./api.ts";
import type { ApiResource } from "./discovery.ts";
import { type AnyObject, itemsOf, pathOf } from "./resource-info.ts";

/** The revision of a moment: a revision itself, a time (RFC 3339) or `5m` for five minutes ago. Throws CommandError. */
export async function revisionAt(session: Session, text: string): Promise<string> {
  // A revision is asked for as any server understands it; times are known to this one alone.
  if (/^[1-9]\d*$/.test(text)) return text;
  try {
    return (await findMoment(session.connection.transport, text, session.host.clock.now())).revision;
  } catch (error) {
    // An answer without a reason comes from a server that has no such path: a moment that is unknown is told with one.
    if (error instanceof StatusError && error.reason === "") {
      throw new CommandError(
        `the server keeps no table of times; give a revision (resourceVersion) instead of ${text}`,
      );
    }
    throw error;
  }
}

/** What a list is asked for as it was; the pages after the first go on by themselves. */
export function exactly(revision: string): Query {
  return { resourceVersion: revision, resourceVersionMatch: "Exact" };
}

/** One object, or its table, as it was: a list narrowed to its name, as no single object can be asked for so. */
export async function objectAt(
  session: Session,
  target: { readonly resource: ApiResource; readonly namespace: string; readonly name: string },
  options: { readonly revision: string; readonly accept?: string; readonly includeObject?: string },
): Promise<AnyObject> {
  const { resource, namespace, name } = target;
  const list = await session.api.call<AnyObject>({
    path: pathOf(resource, { namespace }),
    accept: options.accept,
    query: {
      ...exactly(options.revision),
      fieldSelector: `metadata.name=${name}`,
      includeObject: options.includeObject,
    },
  });
  if (isTable(list) && (list.rows ?? []).length > 0) return list as unknown as AnyObject;
  const [found] = isTable(list) ? [] : itemsOf(list);
  if (found) return found;
  const type = resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
  throw new StatusError("NotFound", `${type} "${name}" not found at revision ${options.revision}`);
}
