import type { ObjectMeta } from "../generated/meta-v1.ts";
import { StatusError } from "../status-error.ts";
import { fieldStep, placeText } from "./path-element.ts";
import { deduced, type Shape, stepTo } from "./shape.ts";

type Members = Readonly<Record<string, unknown>>;

/**
 * Throws what Kubernetes answers to a configuration that does not fit its type (500 without a reason): members that the type
 * does not have, keyed elements that are there twice or without their key.
 */
export function checkConfiguration(shape: Shape, config: Members): void {
  const faults = configurationFaults(shape, config);
  if (faults === undefined) return;
  throw new StatusError("", `failed to create typed patch object (${configurationName(config)}): ${faults}`);
}

/** Why a configuration does not fit its type, in one text; undefined when it does. */
export function configurationFaults(shape: Shape, config: Members): string | undefined {
  const faults: string[] = [];
  walk(shape, config, [], faults);
  if (faults.length <= 1) return faults[0];
  return `errors:\n${faults.map((fault) => `  ${fault}`).join("\n")}`;
}

/** `default/web; apps/v1, Kind=Deployment`, as errors about a configuration name it. */
export function configurationName(config: Members): string {
  const metadata = config.metadata as ObjectMeta | undefined;
  const version = String(config.apiVersion ?? "");
  const groupVersion = version.includes("/") ? version : `/${version}`;
  return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}; ${groupVersion}, Kind=${String(config.kind ?? "")}`;
}

function walk(given: Shape, value: unknown, place: readonly string[], faults: string[]): void {
  if (value === null || value === undefined) return;
  const shape = deduced(given, value);
  const here = placeText(place);
  switch (shape.kind) {
    case "leaf":
      return;
    case "set":
    case "keyed": {
      if (!Array.isArray(value)) {
        faults.push(`${here}: expected list, got ${typeof value}`);
        return;
      }
      const seen = new Set<string>();
      value.forEach((item, index) => {
        const step = stepTo(shape, item);
        if (shape.kind === "keyed") {
          const missing = shape.keys.filter(
            (key) => !(key in shape.defaults) && (item as Members | null)?.[key] === undefined,
          );
          if (missing.length > 0) {
            const key = missing[0];
            const fault = `associative list with keys has an element that omits key field "${key}" (and doesn't have default value)`;
            faults.push(`${here}: element ${index}: ${fault}`);
            return;
          }
        }
        if (seen.has(step)) faults.push(`${here}: duplicate entries for key ${placeText([step])}`);
        seen.add(step);
        if (shape.kind === "keyed") walk(shape.item, item, [...place, step], faults);
      });
      return;
    }
    case "struct":
    case "map": {
      if (typeof value !== "object" || Array.isArray(value)) {
        faults.push(`${here}: expected map, got ${Array.isArray(value) ? "list" : typeof value}`);
        return;
      }
      for (const [name, member] of Object.entries(value)) {
        const known = shape.kind === "struct" ? shape.field(name) : shape.value;
        const step = [...place, fieldStep(name)];
        if (known) walk(known, member, step, faults);
        else faults.push(`${placeText(step)}: field not declared in schema`);
      }
    }
  }
}
