import { type FieldPath, field } from "../../machinery/fields.ts";
import { dnsLabel, dnsSubdomain } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";

/** The faults of a signer's name, which is a domain and a path: `example.com/signer-name`. */
export function validateSignerName(name: string | undefined, place: FieldPath): Errors {
  if (!name) return [field.required(place)];
  const [domain = "", path, ...rest] = name.split("/");
  if (path === undefined || rest.length > 0) {
    const detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [field.invalid(place, name, detail)];
  }
  const errors: FieldError[] = [];
  if (domain.split(".").length < 2) {
    const detail = "should be a domain with at least two segments separated by dots";
    errors.push(field.invalid(place, domain, detail));
  }
  for (const label of domain.split(".")) {
    for (const text of dnsLabel(label))
      errors.push(field.invalid(place, label, `validating label "${label}": ${text}`));
  }
  for (const text of dnsSubdomain(path)) errors.push(field.invalid(place, path, text));
  return errors;
}
