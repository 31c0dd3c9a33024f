import { isStatus } from "../../../../machinery/status-error.ts";
import { CommandError } from "../../messages.ts";
import { goJson } from "../../output/json.ts";
import type { Query } from "../../resources/api.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import type { ManifestTarget } from "../../resources/selection.ts";
import { withSource } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import { type Applied, warnIfDeleting } from "./client-side.ts";

/** Lets the server merge the object by who owns which field. Throws CommandError for conflicts. */
export async function applyServerSide(
  session: Session,
  target: ManifestTarget,
  options: { readonly query: Query; readonly force: boolean },
): Promise<Applied> {
  try {
    const object = await session.api.call<AnyObject>({
      method: "PATCH",
      path: pathOf(target.resource, target),
      query: { ...options.query, force: options.force },
      contentType: "application/apply-patch+yaml",
      // The server keeps what is sent as the configuration applied last: members in order, as kubectl sends them.
      body: new TextEncoder().encode(goJson(target.object)),
    });
    warnIfDeleting(session, object);
    return { object, done: "serverside-applied" };
  } catch (error) {
    if (!isStatus(error, "Conflict")) throw withSource(error, "applying", target.source);
    throw new CommandError(`${error.message}\n${waysOut}`);
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
