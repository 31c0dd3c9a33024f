import { isEqual } from "../../../machinery/equality.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import type { AdmissionPlugin, MutatingPass } from "../admission.ts";

/** Who of one plugin's webhooks or policies is asked again in the second round: those after whom somebody changed something. */
export class Reinvocation {
  readonly #pass: MutatingPass;
  readonly #reinvocable = new Set<string>();
  readonly #due = new Set<string>();
  #output: AnyObject | undefined;

  private constructor(pass: MutatingPass) {
    this.#pass = pass;
  }

  /** What the plugin remembers of this pass; told which object the round begins with. */
  static begin(plugin: AdmissionPlugin, pass: MutatingPass, given: AnyObject): Reinvocation {
    const known = pass.memory.get(plugin) as Reinvocation | undefined;
    const memory = known ?? new Reinvocation(pass);
    if (!known) pass.memory.set(plugin, memory);
    // Others have changed the object once more: every one that wants to know is asked again.
    if (pass.round === 1 && !isEqual(memory.#output, given)) memory.#raise();
    return memory;
  }

  /** Whether somebody is asked in this round. */
  isDue(id: string): boolean {
    return this.#pass.round === 0 || this.#due.has(id);
  }

  /** Somebody was asked, and maybe changed the object; `again` when it wants to be asked about later changes. */
  asked(id: string, { changed, again }: { readonly changed: boolean; readonly again: boolean }): void {
    if (changed) {
      this.#raise();
      this.#pass.reinvoke();
    }
    if (again) this.#reinvocable.add(id);
  }

  /** The object as the round leaves it. */
  end(object: AnyObject): AnyObject {
    this.#output = object;
    return object;
  }

  #raise(): void {
    for (const id of this.#reinvocable) this.#due.add(id);
    this.#reinvocable.clear();
  }
}
