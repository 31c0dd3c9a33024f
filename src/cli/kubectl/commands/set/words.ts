import { CommandError } from "../../messages.ts";
import type { ApiResource } from "../../resources/discovery.ts";
import { pluralName } from "../../resources/resource-info.ts";

/** The words of a command line: resources first, then `name=value`. Throws CommandError for a resource behind a change. */
export function splitChanges(args: readonly string[], noun: string) {
  const at = args.findIndex((word) => word.includes("="));
  const resources = at < 0 ? args : args.slice(0, at);
  const changes = (at < 0 ? [] : args.slice(at)).map((word) => {
    const split = word.indexOf("=");
    if (split < 0) throw new CommandError(`all resources must be specified before ${noun} changes: ${word}`);
    return { name: word.slice(0, split), value: word.slice(split + 1) };
  });
  return { resources, changes };
}

/** The fault of an object that makes no pods. */
export function noTemplate(resource: ApiResource, name: string): CommandError {
  return new CommandError(
    `${pluralName(resource)}/${name} the object is not a pod or does not have a pod template: *${resource.version}.${resource.kind}`,
  );
}
