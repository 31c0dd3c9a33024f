import { rmSync } from "node:fs";
import { CommandError, silentExit } from "../../messages.ts";
import { goJson } from "../../output/json.ts";
import { withoutManagedFields } from "../../output/printer.ts";
import type { AnyObject, ResourceInfo } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";
import { headerText, objectsIn, type Reason, saysTheSame, withoutComments } from "./edited-text.ts";
import { openEditor, temporaryFile } from "./launch.ts";
import { invalidEdit, Saving } from "./save.ts";

export interface Editing {
  readonly json: boolean;
  readonly managedFields: boolean;
  /** Lines that the editor gets end as on Windows. */
  readonly windows: boolean;
  /** The comment at the head of the text; default: that of an object. */
  readonly head?: readonly string[];
  /** Sends what was changed; notes in `saving` what was refused. Throws for what ends the editing. */
  send(objects: readonly AnyObject[], saving: Saving): Promise<void>;
}

/** Opens the editor until what it leaves is saved, unchanged or given up. */
export async function editing(session: Session, infos: readonly ResourceInfo[], options: Editing): Promise<void> {
  const original = await textOf(infos, options);
  let written = original;
  let again = false;
  let reasons: readonly Reason[] = [];
  let before: string | undefined;
  for (;;) {
    const header = options.json ? "" : headerText(reasons, options.head);
    const shown = header + written;
    const path = temporaryFile(
      session.host,
      options.windows ? shown.replaceAll("\n", "\r\n") : shown,
      options.json ? ".json" : ".yaml",
    );
    const kept = before ?? path;
    let edited: string;
    try {
      edited = (await openEditor(session.host, path)).text.replaceAll("\r\n", "\n");
    } catch (error) {
      if (before === undefined) rmSync(path, { force: true });
      else tellKept(session, kept);
      throw error;
    }
    if (before !== undefined) rmSync(before, { force: true });
    before = path;
    if (again && (await saysTheSame(written, edited))) {
      tellKept(session, path);
      throw new CommandError("Edit cancelled, no valid changes were saved.");
    }
    let objects: readonly AnyObject[];
    try {
      objects = await objectsIn(edited);
    } catch (error) {
      const { told, reason } = invalidEdit(infos[0]!, error);
      session.complain(told);
      [again, reasons, written] = [true, [reason], withoutComments(edited)];
      continue;
    }
    if (await saysTheSame(original, edited)) {
      rmSync(path, { force: true });
      session.complain("Edit cancelled, no changes made.");
      return;
    }
    const saving = new Saving();
    try {
      requireNamespace(session, infos, objects);
      await options.send(objects, saving);
    } catch (error) {
      tellKept(session, path);
      throw error;
    }
    if (saving.retryable > 0) {
      session.complain(`You can run \`kubectl replace -f ${path}\` to try this update again.`);
      throw silentExit(1);
    }
    if (saving.gone > 0) {
      session.complain(`The edits you made on deleted resources have been saved to ${JSON.stringify(path)}`);
      throw silentExit(1);
    }
    if (saving.reasons.length === 0) {
      rmSync(path, { force: true });
      return;
    }
    [again, reasons, written] = [true, saving.reasons, withoutComments(edited)];
  }
}

function tellKept(session: Session, path: string): void {
  session.complain(`A copy of your changes has been stored to ${JSON.stringify(path)}`);
}

async function textOf(infos: readonly ResourceInfo[], options: Editing): Promise<string> {
  const objects = infos.map(({ object }) => (options.managedFields ? object : withoutManagedFields(object)));
  const [first] = objects;
  const shown =
    objects.length === 1 && first
      ? first
      : ({ apiVersion: "v1", items: objects, kind: "List", metadata: {} } as unknown as AnyObject);
  if (options.json) return `${goJson(shown, "    ")}\n`;
  return (await import("../../../../machinery/yaml-text.ts")).encodeYaml(shown);
}

/** Objects may not be moved to another namespace. */
function requireNamespace(session: Session, infos: readonly ResourceInfo[], objects: readonly AnyObject[]): void {
  const { namespace } = session.access;
  for (const { metadata } of objects) {
    const own = metadata.namespace;
    if (own && own !== namespace && !infos.some((info) => info.namespace === own)) {
      throw new CommandError(
        `the namespace from the provided object ${JSON.stringify(own)} does not match the namespace ${JSON.stringify(namespace)}. You must pass '--namespace=${own}' to perform this operation.`,
      );
    }
  }
}
