import { errorMessage } from "../../../../lib/fault.ts";
import { isStatus } from "../../../../machinery/status-error.ts";
import { CommandError } from "../../messages.ts";
import { goJson } from "../../output/json.ts";
import type { Query } from "../../resources/api.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import type { ManifestTarget } from "../../resources/selection.ts";
import { lastApplied, withSource } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import { type Applied, warnIfDeleting } from "./client-side.ts";

/** Lets the server merge the object by who owns which field. Throws CommandError for conflicts. */
export async function applyServerSide(
  session: Session,
  target: ManifestTarget,
  options: { readonly query: Query; readonly force: boolean },
): Promise<Applied> {
  const send = () =>
    session.api.call<AnyObject>({
      method: "PATCH",
      path: pathOf(target.resource, target),
      query: { ...options.query, force: options.force },
      contentType: "application/apply-patch+yaml",
      // The server keeps what is sent as the configuration applied last: members in order, as kubectl sends them.
      body: new TextEncoder().encode(goJson(target.object)),
    });
  try {
    const object = await send();
    warnIfDeleting(session, object);
    return {
      object: (await tookOver(session, target, object, options)) ? await send() : object,
      done: "serverside-applied",
    };
  } catch (error) {
    if (!isStatus(error, "Conflict")) throw withSource(error, "applying", target.source);
    throw new CommandError(`${error.message}\n${waysOut}`);
  }
}

/** True when the fields of earlier client-side applies were taken over, so that the apply has to be done once more. */
async function tookOver(
  session: Session,
  target: ManifestTarget,
  object: AnyObject,
  { query, force }: { readonly query: Query; readonly force: boolean },
): Promise<boolean> {
  // Looked at afterwards: nearly always there is nothing to take over, and this costs no call then.
  if (object.metadata.annotations?.[lastApplied] === undefined) return false;
  const { keepLastApplied, takeOverFields } = await import("./take-over.ts");
  const manager = String(query.fieldManager ?? "");
  const later = "This is non-fatal and will be retried next time you apply. Error:";
  try {
    if (manager === "kubectl") await keepLastApplied(session, target, object, { query, force });
  } catch (error) {
    session.complain(
      `Warning: failed to migrate ${lastApplied} for Server-Side Apply. ${later} ${errorMessage(error)}`,
    );
    return false;
  }
  try {
    return await takeOverFields(session, target, object, { query, manager });
  } catch (error) {
    session.complain(
      `Warning: server rejected managed fields migration to Server-Side Apply. ${later} ${errorMessage(error)}`,
    );
    return false;
  }
}

const waysOut = `Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`;
