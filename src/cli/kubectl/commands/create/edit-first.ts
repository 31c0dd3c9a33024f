import { CommandError, throwAll } from "../../messages.ts";
import { noSuchForm } from "../../output/printer.ts";
import type { Query } from "../../resources/api.ts";
import type { AnyObject } from "../../resources/resource-info.ts";
import { type ManifestTarget, manifestTargetsOf } from "../../resources/selection.ts";
import { createCall, type ResultPrinter, withLastApplied } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import { editing } from "../edit/editing.ts";

export interface EditFirst {
  readonly filenames: readonly string[];
  readonly recursive: boolean;
  /** What to edit it as, and to print it in. */
  readonly output: string;
  readonly windows: boolean;
  readonly saveConfig: boolean;
  readonly query: Query;
  readonly printer: ResultPrinter;
}

/** Opens each object of manifests in the editor, one by one, and creates what comes back. Throws as `create` does. */
export async function createEdited(session: Session, options: EditFirst): Promise<void> {
  const targets: ManifestTarget[] = [];
  const errors: unknown[] = [];
  for await (const target of manifestTargetsOf(session, options)) {
    if (target instanceof Error) errors.push(target);
    else targets.push(target);
  }
  for (const target of targets) {
    try {
      if (!["", "yaml", "json"].includes(options.output)) throw noSuchForm(options.output, ["json", "yaml"]);
      await editing(session, [target], {
        json: options.output === "json",
        managedFields: true,
        windows: options.windows,
        send: async (objects) => {
          for (const object of objects) await createOne(session, object, options);
        },
      });
    } catch (error) {
      errors.push(error);
    }
  }
  throwAll(errors);
}

async function createOne(
  session: Session,
  object: AnyObject,
  { query, printer, saveConfig }: EditFirst,
): Promise<void> {
  const kind = await (await session.mapper()).kind(object.apiVersion, object.kind);
  if (!kind) {
    throw new CommandError(
      `no matches for kind ${JSON.stringify(object.kind)} in version ${JSON.stringify(object.apiVersion)}`,
    );
  }
  const sent = saveConfig ? await withLastApplied(object) : object;
  printer.print(await session.api.call<AnyObject>(createCall(kind, sent, query)), "created");
}
