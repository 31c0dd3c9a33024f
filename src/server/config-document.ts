import { errorMessage, Fault } from "../lib/fault.ts";
import { parseYaml } from "../machinery/codec-yaml.ts";

const group = "apiserver.config.k8s.io";

/** A configuration file of the API server, of which every member must be known. */
export class ConfigNode {
  readonly place: string;
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(value: unknown, place: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Fault("invalid", `${place}: must be an object`);
    }
    this.place = place;
    this.#value = value as Readonly<Record<string, unknown>>;
  }

  /** Throws Fault `invalid` for any member but these: what is misspelt must not be taken for what is absent. */
  only(...names: readonly string[]): this {
    const unknown = Object.keys(this.#value).find((name) => !names.includes(name));
    if (unknown !== undefined) throw new Fault("invalid", `${this.at(unknown)}: unknown field`);
    return this;
  }

  at(name: string): string {
    return this.place === "" ? name : `${this.place}.${name}`;
  }

  has(name: string): boolean {
    return this.#value[name] !== undefined && this.#value[name] !== null;
  }

  text(name: string): string | undefined {
    return this.#typed<string>(name, "string", "a text");
  }

  requiredText(name: string): string {
    const text = this.text(name);
    if (!text) throw new Fault("invalid", `${this.at(name)}: Required value`);
    return text;
  }

  flag(name: string): boolean | undefined {
    return this.#typed<boolean>(name, "boolean", "true or false");
  }

  child(name: string): ConfigNode | undefined {
    return this.has(name) ? new ConfigNode(this.#value[name], this.at(name)) : undefined;
  }

  requiredChild(name: string): ConfigNode {
    return new ConfigNode(this.#value[name], this.at(name));
  }

  children(name: string): readonly ConfigNode[] {
    return this.#list(name).map((value, index) => new ConfigNode(value, `${this.at(name)}[${index}]`));
  }

  texts(name: string): readonly string[] {
    return this.#list(name).map((value, index) => {
      if (typeof value === "string") return value;
      throw new Fault("invalid", `${this.at(name)}[${index}]: must be a text`);
    });
  }

  #list(name: string): readonly unknown[] {
    if (!this.has(name)) return [];
    const value = this.#value[name];
    if (!Array.isArray(value)) throw new Fault("invalid", `${this.at(name)}: must be a list`);
    return value;
  }

  #typed<T>(name: string, type: string, what: string): T | undefined {
    if (!this.has(name)) return undefined;
    const value = this.#value[name];
    if (typeof value !== type) throw new Fault("invalid", `${this.at(name)}: must be ${what}`);
    return value as T;
  }
}

/** Reads one document of a kind in a version that we know. Throws Fault `invalid`. */
export function configDocument(text: string, kind: string, versions: readonly string[]): ConfigNode {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    throw new Fault("invalid", `the ${kind} is no YAML: ${errorMessage(error)}`);
  }
  const node = new ConfigNode(value, "");
  const known = versions.map((version) => `${group}/${version}`);
  if (node.text("kind") !== kind || !known.includes(node.text("apiVersion") ?? "")) {
    throw new Fault("invalid", `the file holds no ${kind} of ${known.join(" or ")}`);
  }
  return node;
}
