import { defineCommand } from "../../command.ts";
import { bool, text } from "../../flags/flag.ts";
import { saveConfigFlag } from "../../flags/shared.ts";
import { CommandError } from "../../messages.ts";
import { validationOf } from "../../resources/writes.ts";
import { editFlags, objectsToEdit } from "./edit-flags.ts";
import { editing } from "./editing.ts";
import { patchEdited } from "./save.ts";

/** `kubectl edit` */
export const edit = defineCommand({
  name: "edit",
  short: "Edit a resource on the server",
  long: `Opens objects of the server in your editor and sends what you changed when you leave it.

 The editor is what KUBE_EDITOR says, or EDITOR, or vi. What the server refuses is opened again with the reason at its head; leaving without a change gives up, and what you wrote stays in a file.`,
  examples: `# A service
kubectl edit svc/registry

# With another editor
KUBE_EDITOR="nano" kubectl edit svc/registry

# As JSON
kubectl edit job.v1.batch/myjob -o json`,
  usage: "(RESOURCE/NAME | -f FILENAME)",
  flags: {
    ...editFlags("kubectl-edit"),
    ...saveConfigFlag,
    "output-patch": bool("Prints the patch that is sent."),
    subresource: text("Edits the object's subresource, as status or scale."),
  },
  async run({ session, args, flags }) {
    const validation = validationOf(flags);
    const infos = await objectsToEdit(session, args, flags, flags.subresource);
    if (infos.length === 0) throw new CommandError("edit cancelled, no objects found");
    const save = {
      validation,
      fieldManager: flags["field-manager"],
      saveConfig: flags["save-config"],
      tellPatch: flags["output-patch"],
      subresource: flags.subresource,
    };
    await editing(session, infos, {
      json: flags.output === "json",
      managedFields: flags["show-managed-fields"],
      windows: flags["windows-line-endings"],
      send: (objects, saving) => patchEdited(session, infos, objects, save, saving),
    });
  },
});
