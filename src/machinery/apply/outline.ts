import { deduced, type Shape } from "./shape.ts";

type Members = Readonly<Record<string, unknown>>;

/** Names and values of the object as they are, and marks, which are like none of them. */
type Token = string | number | boolean | null | symbol;

const open = Symbol("open");
const close = Symbol("close");
const item = Symbol("item");
const broken = Symbol("broken");
const equal = Symbol("equal");
const absent = Symbol("absent");
const asJson = Symbol("as JSON");
const nothing = Symbol("nothing");

/** Where something can be kept for all objects of one outline. */
export interface OutlineSlot<T> {
  value: T | undefined;
}

/** A step on the way from the first token of an outline to its last. Most have one successor only. */
class Step<T> implements OutlineSlot<T> {
  value: T | undefined = undefined;
  token: Token = nothing;
  next: Step<T> | undefined = undefined;
  others: Map<Token, Step<T>> | undefined = undefined;
}

/** Beyond so many steps everything is forgotten: few objects share an outline where there are so many. */
const mostSteps = 50_000;

/**
 * Finds the slot of an object's outline: of everything about a new object that decides who owns what, and of nothing else.
 * Two objects with one outline have the same places. An outline is never written down: it is walked, from step to step.
 */
export class Outlines<T> {
  #first = new Step<T>();
  #steps = 0;

  /** `zero` is what a new object is compared with: values count only where it has some too. */
  slotOf(shape: Shape, object: unknown, zero: unknown): OutlineSlot<T> {
    if (this.#steps > mostSteps) {
      this.#first = new Step();
      this.#steps = 0;
    }
    return this.#walk(this.#first, shape, object, zero);
  }

  #walk(start: Step<T>, given: Shape, value: unknown, zero: unknown): Step<T> {
    const shape = deduced(given, value);
    // What is owned as a whole leaves no token: the next one tells that its place has ended.
    if (shape.kind === "leaf") return zero === undefined ? start : this.#value(this.#follow(start, equal), value);
    if (typeof value !== "object" || value === null) {
      return zero === undefined ? this.#follow(start, broken) : this.#value(this.#follow(start, equal), value);
    }
    let at = start;
    if (shape.kind === "set" || shape.kind === "keyed") {
      if (!Array.isArray(value)) return this.#follow(at, broken);
      at = this.#follow(at, open);
      for (const element of value) {
        at = this.#follow(at, item);
        if (shape.kind === "set") {
          at = this.#value(at, element);
          continue;
        }
        const members = (typeof element === "object" && element !== null ? element : {}) as Members;
        for (const key of shape.keys) at = this.#value(at, members[key] ?? shape.defaults[key]);
        at = this.#walk(at, shape.item, element, undefined);
      }
      return this.#follow(at, close);
    }
    if (Array.isArray(value)) return this.#follow(at, broken);
    const below = (typeof zero === "object" && zero !== null ? zero : {}) as Members;
    at = this.#follow(at, open);
    for (const name in value) {
      const member = shape.kind === "struct" ? shape.field(name) : shape.value;
      const inner = (value as Members)[name];
      if (member && inner !== undefined) at = this.#walk(this.#follow(at, name), member, inner, below[name]);
    }
    return this.#follow(at, close);
  }

  #value(at: Step<T>, value: unknown): Step<T> {
    if (value === undefined) return this.#follow(at, absent);
    if (typeof value !== "object" || value === null) return this.#follow(at, value as Token);
    return this.#follow(this.#follow(at, asJson), JSON.stringify(value));
  }

  #follow(at: Step<T>, token: Token): Step<T> {
    if (at.token === token) return at.next as Step<T>;
    if (at.token === nothing) {
      this.#steps++;
      at.token = token;
      at.next = new Step();
      return at.next;
    }
    at.others ??= new Map();
    let step = at.others.get(token);
    if (!step) {
      this.#steps++;
      step = new Step();
      at.others.set(token, step);
    }
    return step;
  }
}
