import { goQuote } from "../../../lib/go-text.ts";
import { parsePlainYamlDocuments } from "../../../machinery/codec-yaml.ts";

/** A flag of a command, by its long name, and the value that it shall have unless another is given. */
export interface OptionDefault {
  readonly name: string;
  readonly default: string;
}

/** Values that the flags of a command have unless others are given. */
export interface CommandDefaults {
  /** As `get` or `set env`. */
  readonly command: string;
  readonly options: readonly OptionDefault[];
}

/** Another name for a command with some of its words. */
export interface Alias {
  readonly name: string;
  readonly command: string;
  /** Words that come before those that are given. */
  readonly prependArgs?: readonly string[];
  /** Words that come behind those that are given. */
  readonly appendArgs?: readonly string[];
  readonly options?: readonly OptionDefault[];
}

/** What a file of preferences says (kubectl.config.k8s.io/v1beta1 Preference). */
export interface Preference {
  readonly kind: "Preference";
  readonly apiVersion: string;
  readonly defaults: readonly CommandDefaults[];
  readonly aliases: readonly Alias[];
  readonly credentialPluginPolicy?: string;
  readonly credentialPluginAllowlist?: readonly { readonly name: string }[] | null;
}

const preferenceVersion = "kubectl.config.k8s.io/v1beta1";

/** Preferences that say nothing. */
export const noPreference: Preference = {
  kind: "Preference",
  apiVersion: preferenceVersion,
  defaults: [],
  aliases: [],
};

/** What was found in a text: `unknown` are fields that nobody knows, as the text of an error. */
export interface ReadPreference {
  readonly preference: Preference;
  readonly unknown?: string;
}

/**
 * Reads the first document that is a Preference of a version that is known; undefined for a text without documents.
 * Throws an Error for one that has only others.
 */
export function readPreference(text: string, file: string): ReadPreference | undefined {
  const documents = documentsOf(text);
  for (const document of documents) {
    const read = decode(document);
    if (read) return read;
  }
  if (documents.length === 0) return undefined;
  throw new Error(`no valid preferences found in ${file}, use --v=5 to see details`);
}

/** The documents of a text, each by itself, because one that cannot be read does not spoil the others. */
export function documentsOf(text: string): readonly string[] {
  return text.split(/^---(?:[ \t].*)?$/m).filter((document) => document.trim() !== "");
}

/** What is wrong with a preference, if anything. */
export function preferenceProblem({ aliases, defaults }: Preference): string | undefined {
  const names = new Set<string>();
  const dashed = (options: readonly OptionDefault[] = []) => {
    const found = options.find(({ name }) => name.startsWith("-"));
    return found && `flag name ${found.name} should be in long form without dashes`;
  };
  for (const { name, options } of aliases) {
    if (!/^[a-zA-Z]+$/.test(name)) return "invalid alias name, can only include alphabetical characters";
    const problem = dashed(options);
    if (problem) return problem;
    if (names.has(name)) return `duplicate alias name ${name}`;
    names.add(name);
  }
  for (const { options } of defaults) {
    const problem = dashed(options);
    if (problem) return problem;
  }
  return undefined;
}

type Shape = "string" | { readonly list: Shape } | { readonly fields: Readonly<Record<string, Shape>> };

const texts: Shape = { list: "string" };
const options: Shape = { list: { fields: { name: "string", default: "string" } } };
const words: Readonly<Record<string, Shape>> = {
  name: "string",
  command: "string",
  prependArgs: texts,
  appendArgs: texts,
};
const head: Readonly<Record<string, Shape>> = { apiVersion: "string", kind: "string" };
const policy: Readonly<Record<string, Shape>> = {
  credentialPluginPolicy: "string",
  credentialPluginAllowlist: { list: { fields: { name: "string" } } },
};

const versions: Readonly<Record<string, Shape>> = {
  [preferenceVersion]: {
    fields: {
      ...head,
      defaults: { list: { fields: { command: "string", options } } },
      aliases: { list: { fields: { ...words, options } } },
      ...policy,
    },
  },
  "kubectl.config.k8s.io/v1alpha1": {
    fields: {
      ...head,
      overrides: { list: { fields: { command: "string", flags: options } } },
      aliases: { list: { fields: { ...words, flags: options } } },
      ...policy,
    },
  },
};

/** The first version called options flags, and defaults overrides. */
interface EarlyPreference extends Omit<Preference, "defaults" | "aliases"> {
  readonly overrides?: readonly { readonly command: string; readonly flags?: readonly OptionDefault[] }[];
  readonly aliases?: readonly (Omit<Alias, "options"> & { readonly flags?: readonly OptionDefault[] })[];
}

function decode(document: string): ReadPreference | undefined {
  let value: unknown;
  try {
    [value] = parsePlainYamlDocuments(document);
  } catch {
    return undefined;
  }
  const { apiVersion, kind } = (value ?? {}) as { readonly apiVersion?: unknown; readonly kind?: unknown };
  const shape = typeof apiVersion === "string" && kind === "Preference" ? versions[apiVersion] : undefined;
  const unknown: string[] = [];
  if (!shape || !fits(value, shape, "", unknown)) return undefined;
  return {
    preference: current(value as Preference | EarlyPreference),
    ...(unknown.length > 0 ? { unknown: `strict decoding error: ${unknown.join(", ")}` } : {}),
  };
}

function fits(value: unknown, shape: Shape, path: string, unknown: string[]): boolean {
  if (value === null || value === undefined) return true;
  if (shape === "string") return typeof value === "string";
  if ("list" in shape) {
    return Array.isArray(value) && value.every((item, at) => fits(item, shape.list, `${path}[${at}]`, unknown));
  }
  if (typeof value !== "object" || Array.isArray(value)) return false;
  return Object.entries(value).every(([name, member]) => {
    const place = path ? `${path}.${name}` : name;
    const known = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    if (!known) unknown.push(`unknown field ${goQuote(place)}`);
    return !known || fits(member, known, place, unknown);
  });
}

/** In the order of upstream's fields, which is that of its JSON; a text that is not there is an empty one. */
function current(read: Preference | EarlyPreference): Preference {
  const { credentialPluginPolicy, credentialPluginAllowlist } = read;
  const now: Partial<Preference> = "overrides" in read ? {} : (read as Preference);
  const early = read as EarlyPreference;
  const defaults = early.overrides?.map(({ command, flags }) => ({ command, options: flags })) ?? now.defaults ?? [];
  const aliases: readonly (Alias & { readonly flags?: readonly OptionDefault[] })[] = early.aliases ?? [];
  return {
    ...noPreference,
    defaults: defaults.map(({ command = "", options: set }) => ({ command, options: ordered(set) })),
    aliases: aliases.map(({ name = "", command = "", prependArgs, appendArgs, flags, options: set = flags }) => ({
      name,
      command,
      ...(prependArgs ? { prependArgs } : {}),
      ...(appendArgs ? { appendArgs } : {}),
      ...(set ? { options: ordered(set) } : {}),
    })),
    ...(credentialPluginPolicy ? { credentialPluginPolicy } : {}),
    ...(credentialPluginAllowlist ? { credentialPluginAllowlist } : {}),
  };
}

const ordered = (set: readonly OptionDefault[] | null | undefined) =>
  (set ?? []).map(({ name = "", default: value = "" }) => ({ name, default: value }));
