import type { CelType } from "./cel-type.ts";
import { dyn, listOf, mapOf, optionalOf } from "./cel-type.ts";

/** What type parameters stand for, found out while checking one expression. */
export class Unifier {
  readonly #bound = new Map<string, CelType>();
  #trail: string[] = [];
  #fresh = 0;

  /** A type parameter that stands for nothing yet. */
  variable(): CelType {
    return { kind: "param", name: `_${this.#fresh++}` };
  }

  /** Types with their parameters renamed, the same ones alike, so that two calls do not share them. */
  instantiate(types: readonly CelType[]): CelType[] {
    const names = new Map<string, CelType>();
    const renamed = (type: CelType): CelType => {
      switch (type.kind) {
        case "param": {
          const known = names.get(type.name) ?? this.variable();
          names.set(type.name, known);
          return known;
        }
        case "list":
          return listOf(renamed(type.element));
        case "map":
          return mapOf(renamed(type.key), renamed(type.value));
        case "optional":
          return optionalOf(renamed(type.element));
        case "type":
          return type.of ? { kind: "type", of: renamed(type.of) } : type;
        default:
          return type;
      }
    };
    return types.map(renamed);
  }

  /** Whether each `from` fits its `to`; if so, what that says about parameters is kept, otherwise nothing is. */
  assignable(from: readonly CelType[], to: readonly CelType[]): boolean {
    this.#trail = [];
    if (from.length === to.length && from.every((type, index) => this.#fits(type, to[index] as CelType))) return true;
    for (const name of this.#trail) this.#bound.delete(name);
    return false;
  }

  /** The type with everything known put in; parameters that stand for nothing become dyn if `final`. */
  resolve(type: CelType, final = false): CelType {
    switch (type.kind) {
      case "param": {
        const bound = this.#bound.get(type.name);
        if (bound) return this.resolve(bound, final);
        return final ? dyn : type;
      }
      case "list":
        return { ...type, element: this.resolve(type.element, final) };
      case "map":
        return { ...type, key: this.resolve(type.key, final), value: this.resolve(type.value, final) };
      case "optional":
        return optionalOf(this.resolve(type.element, final));
      case "type":
        return type.of ? { kind: "type", of: this.resolve(type.of, final) } : type;
      default:
        return type;
    }
  }

  #root(type: CelType): CelType {
    let root = type;
    while (root.kind === "param") {
      const bound = this.#bound.get(root.name);
      if (!bound) break;
      root = bound;
    }
    return root;
  }

  #bind(name: string, type: CelType): boolean {
    if (type.kind === "param" && type.name === name) return true;
    if (this.#mentions(type, name)) return false;
    this.#bound.set(name, type);
    this.#trail.push(name);
    return true;
  }

  #mentions(type: CelType, name: string): boolean {
    const root = this.#root(type);
    switch (root.kind) {
      case "param":
        return root.name === name;
      case "list":
      case "optional":
        return this.#mentions(root.element, name);
      case "map":
        return this.#mentions(root.key, name) || this.#mentions(root.value, name);
      case "type":
        return root.of !== undefined && this.#mentions(root.of, name);
      default:
        return false;
    }
  }

  #fits(given: CelType, wanted: CelType): boolean {
    const from = this.#root(given);
    const to = this.#root(wanted);
    if (to.kind === "param") return this.#bind(to.name, from);
    if (from.kind === "param") return this.#bind(from.name, to);
    if (from.kind === "dyn" || to.kind === "dyn") return true;
    if (from.kind === "null") return acceptsNull(to);
    switch (to.kind) {
      case "list":
        return from.kind === "list" && this.#fits(from.element, to.element);
      case "map":
        return from.kind === "map" && this.#fits(from.key, to.key) && this.#fits(from.value, to.value);
      case "optional":
        return from.kind === "optional" && this.#fits(from.element, to.element);
      case "object":
      case "opaque":
        return from.kind === to.kind && from.name === to.name;
      case "null":
        return acceptsNull(from);
      default:
        return from.kind === to.kind;
    }
  }
}

function acceptsNull(type: CelType): boolean {
  return ["null", "object", "opaque", "optional", "timestamp", "duration"].includes(type.kind);
}
