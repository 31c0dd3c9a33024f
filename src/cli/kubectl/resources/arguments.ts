import { CommandError } from "../messages.ts";
import type { ApiResource } from "./discovery.ts";
import type { Mapper } from "./mapper.ts";

/** What the words of a command line ask for. */
export interface ResourceArguments {
  /** One object each, as `pod/a`. */
  readonly pairs: readonly { readonly type: string; readonly name: string }[];
  readonly types: readonly string[];
  readonly names: readonly string[];
}

/** Reads `TYPE NAME...`, `TYPE/NAME...`, `TYPE,TYPE`; categories become their types. Throws CommandError. */
export async function readArguments(
  words: readonly string[],
  mapper: () => Promise<Mapper>,
): Promise<ResourceArguments> {
  const slashes = words.filter((word) => word.includes("/")).length;
  if (slashes > 0 && slashes < words.length) {
    throw new CommandError(
      "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
    );
  }
  if (slashes > 0) return { pairs: words.map(pairOf), types: [], names: [] };
  const [first, ...names] = words;
  if (first === undefined) return { pairs: [], types: [], names: [] };
  const types: string[] = [];
  for (const type of splitTypes(first)) {
    const category = await categoryTypes(type, mapper);
    types.push(...(category ?? [type]));
  }
  return { pairs: [], types, names };
}

function pairOf(word: string): { readonly type: string; readonly name: string } {
  const [type = "", name = "", ...more] = word.split("/");
  if (more.length > 0) throw new CommandError("arguments in resource/name form may not have more than one slash");
  if (!type || !name || splitTypes(type).length !== 1) {
    throw new CommandError("arguments in resource/name form must have a single resource and name");
  }
  return { type, name };
}

const splitTypes = (text: string) => [...new Set(text.split(","))];

async function categoryTypes(type: string, mapper: () => Promise<Mapper>): Promise<readonly string[] | undefined> {
  // Every word that has a dot or is a type's own name cannot be a category; only the rest may have to ask the server.
  if (type.includes(".")) return undefined;
  const known = await mapper();
  const category = known.preferred().filter(({ categories }) => categories.includes(type));
  if (category.length === 0) return undefined;
  return category.map(({ plural, group }) => (group ? `${plural}.${group}` : plural));
}

/** The types of the arguments, found at the server. */
export async function resourcesOf(types: readonly string[], mapper: Mapper): Promise<readonly ApiResource[]> {
  const found: ApiResource[] = [];
  for (const type of types) found.push(await mapper.resource(type));
  return found;
}
