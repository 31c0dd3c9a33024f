import type { FieldValidation } from "../../machinery/codec-json.ts";
import { encodingsOf } from "../bodies/encodings.ts";
import type { ReadOptions } from "../bodies/read-body.ts";
import type { Call } from "../call.ts";

/** How the body of a call is read. */
export function bodyOptions({ services, warnings, served }: Call, validation: FieldValidation): ReadOptions {
  return {
    validation,
    encodings: encodingsOf(served),
    warn: (text) => warnings.push(text),
    isKnown: (apiVersion, kind) => {
      for (const { resource } of services.registry.collections) {
        if (resource.served.get(apiVersion)?.kind === kind) return true;
      }
      return false;
    },
  };
}
