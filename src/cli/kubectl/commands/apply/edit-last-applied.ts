import { isDeepStrictEqual } from "node:util";
import { defineCommand } from "../../command.ts";
import { CommandError } from "../../messages.ts";
import { goJson } from "../../output/json.ts";
import { type AnyObject, pathOf, type ResourceInfo } from "../../resources/resource-info.ts";
import { lastApplied, resultPrinter, validationOf, writeQuery } from "../../resources/writes.ts";
import { editFlags, objectsToEdit } from "../edit/edit-flags.ts";
import { editing } from "../edit/editing.ts";

/** `kubectl apply edit-last-applied` */
export const editLastApplied = defineCommand({
  name: "edit-last-applied",
  short: "Edit latest last-applied-configuration annotations of a resource/object",
  long: `Opens what was applied last in your editor and keeps what you changed in the object's annotation; the object is otherwise left alone.

 The editor is what KUBE_EDITOR says, or EDITOR, or vi.`,
  examples: "# What was applied last of a deployment\nkubectl apply edit-last-applied deployment/nginx",
  usage: "(RESOURCE/NAME | -f FILENAME)",
  flags: editFlags("kubectl-client-side-apply"),
  async run({ session, args, flags }) {
    const validation = validationOf(flags);
    const infos = await objectsToEdit(session, args, flags);
    const applied = infos.flatMap(asApplied);
    if (applied.length === 0) {
      throw new CommandError(
        "no last-applied-configuration annotation found on resources, to create the annotation, use command `kubectl apply set-last-applied --create-annotation`",
      );
    }
    const printer = await resultPrinter(session, { ...flags, output: "" }, "none");
    const query = writeQuery({ fieldManager: flags["field-manager"], validation });
    await editing(session, applied, {
      json: flags.output === "json",
      managedFields: true,
      windows: flags["windows-line-endings"],
      head: [
        "Please edit the 'last-applied-configuration' annotations below.",
        "Lines beginning with a '#' will be ignored, and an empty file will abort the edit.",
      ],
      send: async (objects) => {
        for (const object of objects) {
          const info = originalOf(object, applied);
          if (isDeepStrictEqual(info.object, object)) {
            printer.print(object, "skipped");
            continue;
          }
          await session.api.call({
            method: "PATCH",
            path: pathOf(info.resource, info),
            query,
            contentType: "application/merge-patch+json",
            body: { metadata: { annotations: { [lastApplied]: `${goJson(object)}\n` } } },
          });
          printer.print(object, "edited");
        }
      },
    });
  },
});

/** The object as it was applied, in the place of the one that is there; nothing where nothing was applied. */
function asApplied(info: ResourceInfo): readonly ResourceInfo[] {
  const written = info.object.metadata.annotations?.[lastApplied];
  return written === undefined ? [] : [{ ...info, object: JSON.parse(written) as AnyObject }];
}

/** What was applied names no uid, so that objects are told apart by type, namespace and name. */
function originalOf(object: AnyObject, among: readonly ResourceInfo[]): ResourceInfo {
  const { name, namespace } = object.metadata;
  const found = among.find(
    (one) =>
      one.object.kind === object.kind &&
      one.name === name &&
      (one.object.metadata.namespace ?? "") === (namespace ?? ""),
  );
  if (!found) {
    throw new CommandError(`no object was applied that is ${object.kind.toLowerCase()}/${name}: its name was changed`);
  }
  return found;
}
