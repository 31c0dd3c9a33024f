import { goQuote } from "../../lib/go-text.ts";
import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";
import { qosClassOf } from "./qos.ts";
import { differences } from "./validate-pod-update.ts";

const spec = path("spec");
const mirrorAnnotation = "kubernetes.io/config.mirror";

/** The faults of a change by `ephemeralcontainers`: containers may come, and stay as they came. */
export function validateEphemeralChange(next: core.Pod, previous: core.Pod): Errors {
  const place = spec.child("ephemeralContainers");
  if (previous.metadata.annotations?.[mirrorAnnotation] !== undefined) {
    return [field.forbidden("", "static pods do not support ephemeral containers")];
  }
  const after = new Map((next.spec.ephemeralContainers ?? []).map((container) => [container.name, container]));
  const errors: FieldError[] = [];
  for (const container of previous.spec.ephemeralContainers ?? []) {
    const now = after.get(container.name);
    const name = goQuote(container.name);
    if (!now) errors.push(field.forbidden(place, `existing ephemeral containers ${name} may not be removed\n`));
    else if (!isEqual(now, container)) {
      const detail = `existing ephemeral containers ${name} may not be changed\n${differences(now, container)}`;
      errors.push(field.forbidden(place, detail));
    }
  }
  return errors;
}

/** The faults of a change by `resize`: CPU and memory of containers change, what was limited stays limited, as does the class. */
export function validateResizeChange(next: core.Pod, previous: core.Pod): Errors {
  const errors: FieldError[] = [];
  if (previous.metadata.annotations?.[mirrorAnnotation] !== undefined) {
    return [field.forbidden("", "static pods cannot be resized")];
  }
  const before = previous.status?.qosClass ?? qosClassOf(previous.spec);
  if (qosClassOf(next.spec) !== before) {
    errors.push(field.invalid(spec, before, "Pod QOS Class may not change as a result of resizing"));
  }
  for (const member of ["containers", "initContainers"] as const) {
    errors.push(
      ...eachAt<core.Container>(next.spec[member], spec.child(member), (container, here, index) => {
        const old = previous.spec[member]?.[index];
        return old ? resourcesChange(container.resources ?? {}, old.resources ?? {}, here.child("resources")) : [];
      }),
    );
  }
  return errors;
}

function resourcesChange(
  next: core.ResourceRequirements,
  previous: core.ResourceRequirements,
  place: FieldPath,
): Errors {
  const errors: FieldError[] = [];
  for (const member of ["limits", "requests"] as const) {
    const [after, before] = [next[member] ?? {}, previous[member] ?? {}];
    for (const name of new Set([...Object.keys(after), ...Object.keys(before)])) {
      const here = place.child(member);
      if (name !== "cpu" && name !== "memory") {
        if (after[name] !== before[name]) {
          errors.push(field.forbidden(here.key(name), "only cpu and memory resources are mutable"));
        }
      } else if (after[name] === undefined) {
        errors.push(field.forbidden(here, `resource ${member} cannot be removed`));
      }
    }
  }
  return errors;
}
