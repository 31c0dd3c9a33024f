import { StatusError } from "../../../machinery/status-error.ts";
import { type AnyObject, pathOf, type ResourceInfo } from "../resources/resource-info.ts";
import type { DescribeContext } from "./describer.ts";
import { eventsAbout, eventsText } from "./events.ts";
import { describerOf } from "./kinds.ts";
import { laidOut } from "./text.ts";

/** The description of one object; it is fetched again where what is known of it comes from a file or another version. */
export async function describeObject(info: ResourceInfo, context: DescribeContext): Promise<string> {
  const { resource, namespace, name } = info;
  const describer = await describerOf(resource);
  const { version } = describer;
  const known = info.source === "" && resource.version === version;
  let object = info.object;
  try {
    const path = pathOf({ ...resource, version }, { namespace, name });
    if (!known) object = await context.api.call<AnyObject>({ path });
  } catch (error) {
    const text = await traceOf(info, error, context);
    if (text === undefined) throw error;
    return text;
  }
  const text = await describer.describe(object, context);
  const subjects = context.showEvents && describer.events ? describer.events(object) : undefined;
  return laidOut([text, subjects && eventsText(await eventsAbout(subjects, context), context.now)]);
}

/** What is left of a pod that is gone: its events. */
async function traceOf(
  { resource, namespace, name }: ResourceInfo,
  error: unknown,
  context: DescribeContext,
): Promise<string | undefined> {
  const isPod = resource.group === "" && resource.kind === "Pod";
  if (!isPod || !context.showEvents || !(error instanceof StatusError)) return undefined;
  const events = await eventsAbout([{ name, namespace }], context);
  if (events.length === 0) return undefined;
  return laidOut([`Pod '${name}': error '${error.message}', but found events.`, eventsText(events, context.now)]);
}
