import jsonPatch, { type Operation } from "fast-json-patch";
import { describe } from "./json-decode.ts";
import { badRequest, StatusError } from "./status-error.ts";

const operationLimit = 10_000;

/**
 * Applies a JSON Patch (RFC 6902) and returns the patched value; the argument stays as it is. Throws BadRequest for what is no
 * patch, RequestEntityTooLarge for one with too many steps, and Invalid (422, with the one text that Kubernetes has for
 * them all) when a step cannot be done or a test fails.
 */
export function applyJsonPatch(value: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    throw badRequest(`json: cannot unmarshal ${describe(patch)} into Go value of type jsonpatch.Patch`);
  }
  if (patch.length > operationLimit) {
    throw new StatusError(
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${operationLimit}, got ${patch.length}`,
    );
  }
  try {
    // Steps may move and copy, and a test compares, so the library works on a copy of its own.
    return jsonPatch.applyPatch(value, patch as readonly Operation[], true, false, true).newDocument;
  } catch (error) {
    throw new StatusError("Invalid", "the server rejected our request due to an error in our request", {
      details: {},
      cause: error,
    });
  }
}
