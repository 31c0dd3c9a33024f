import { isDeepStrictEqual } from "node:util";
import { errorMessage } from "../../../../lib/fault.ts";
import { StatusError } from "../../../../machinery/status-error.ts";
import { CommandError } from "../../messages.ts";
import { goJson } from "../../output/json.ts";
import { objectName, withoutManagedFields } from "../../output/printer.ts";
import { knownType } from "../../resources/known-type.ts";
import { type AnyObject, pathOf, pluralName, type ResourceInfo } from "../../resources/resource-info.ts";
import { is2016, objectName2016 } from "../../resources/style-2016.ts";
import { threeWayMergePatch, threeWayStrategicPatch } from "../../resources/three-way.ts";
import { withLastApplied, writeQuery } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import type { Reason } from "./edited-text.ts";

export interface SaveOptions {
  readonly validation: string;
  readonly fieldManager: string;
  readonly saveConfig: boolean;
  readonly tellPatch: boolean;
  readonly subresource: string;
}

/** What came of sending edited objects. */
export class Saving {
  /** What the server found wrong with objects, so that the editor opens again. */
  readonly reasons: Reason[] = [];
  /** Objects that are there no more. */
  gone = 0;
  /** Objects that may be sent again later. */
  retryable = 0;

  /** Notes a refusal and gives the line that tells of it. */
  refused(info: ResourceInfo, error: StatusError): string {
    const name = `${pluralName(info.resource)} ${JSON.stringify(info.name)}`;
    if (error.reason === "Invalid") {
      const faults = (error.details?.causes ?? []).map(({ field = "", message = "" }) => `${field}: ${message}`);
      this.reasons.push({ head: `${name} was not valid`, faults });
      return `error: ${name} is invalid`;
    }
    if (error.reason === "NotFound") {
      this.gone += 1;
      return `error: ${name} could not be found on the server`;
    }
    this.retryable += 1;
    return `error: ${name} could not be patched: ${error.message}`;
  }
}

/** What is said of a text that is no object. */
export function invalidEdit(info: ResourceInfo, error: unknown): { readonly told: string; readonly reason: Reason } {
  const name = `${pluralName(info.resource)} ${JSON.stringify(info.name)}`;
  const fault = `<nil>: Invalid value: "The edited file failed validation": ${errorMessage(error)}`;
  return { told: `error: ${name} is invalid`, reason: { head: `${name} was not valid`, faults: [fault] } };
}

/** Sends what was changed of each object. Throws CommandError for what an edit may not do. */
export async function patchEdited(
  session: Session,
  infos: readonly ResourceInfo[],
  edited: readonly AnyObject[],
  options: SaveOptions,
  saving: Saving,
): Promise<void> {
  const nameOf = is2016(session.host) ? objectName2016 : objectName;
  for (const object of edited) {
    const info = infos.find((one) => one.object.metadata.uid === object.metadata.uid);
    if (!info) {
      throw new CommandError(
        `no original object found for ${objectName(object)}: its metadata.uid was changed or taken away`,
      );
    }
    const original = withoutManagedFields(info.object);
    if (isDeepStrictEqual(original, withoutManagedFields(object))) {
      session.say(`${nameOf(object)} skipped`);
      continue;
    }
    const same =
      original.apiVersion === object.apiVersion &&
      original.kind === object.kind &&
      original.metadata.name === object.metadata.name;
    if (!same) throw new CommandError("At least one of apiVersion, kind and name was changed");
    const modified = options.saveConfig ? await withLastApplied(withoutManagedFields(object)) : object;
    const states = { original, modified, current: original };
    const type = knownType(object.apiVersion, object.kind);
    const patch = type ? threeWayStrategicPatch(type, states) : threeWayMergePatch(states);
    if (options.tellPatch) session.say(`Patch: ${goJson(patch)}`);
    try {
      const { fieldManager, validation } = options;
      const patched = await session.api.call<AnyObject>({
        method: "PATCH",
        path: pathOf(info.resource, info, options.subresource || undefined),
        query: writeQuery({ fieldManager, validation }),
        contentType: type ? "application/strategic-merge-patch+json" : "application/merge-patch+json",
        body: patch,
      });
      session.say(`${nameOf(patched)} edited`);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      session.complain(saving.refused(info, error));
    }
  }
}
