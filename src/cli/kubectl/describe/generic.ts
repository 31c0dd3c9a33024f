import { type Describer, subjectOf } from "./describer.ts";
import { type Described, marks, nameRows } from "./metadata.ts";
import { goText, indent, sortedKeys, type Text } from "./text.ts";

type Members = Readonly<Record<string, unknown>>;

const told = new Set(["managedFields", "name", "namespace", "labels", "annotations"]);

/** Objects of kinds that nobody knows more about: every field, in the order of the alphabet. */
export const generic = (version: string): Describer => ({
  version,
  events: (object) => [subjectOf(object)],
  describe(object) {
    const metadata = Object.fromEntries(Object.entries(object.metadata).filter(([name]) => !told.has(name)));
    return [nameRows(object as Described), marks(object as Described), membersText({ ...object, metadata })];
  },
});

function membersText(members: Members): readonly Text[] {
  return sortedKeys(members).map((name) => {
    const value = members[name];
    const label = labelOf(name);
    if (Array.isArray(value)) {
      return [
        `${label}:`,
        indent(
          1,
          value.map((one) => (isMap(one) ? membersText(one) : goText(one))),
        ),
      ];
    }
    return isMap(value) ? [`${label}:`, indent(1, membersText(value))] : `${label}:\t${goText(value)}`;
  });
}

const isMap = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const acronyms = new Set(["API", "URL", "UID", "OSB", "GUID"]);

/** `creationTimestamp` as `Creation Timestamp`; names with other characters stay as they are. */
export function labelOf(name: string): string {
  if (/[^\p{L}-]/u.test(name)) return name;
  const words = name.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lu}|[^\p{Lu}\p{Ll}]+/gu) ?? [];
  return words
    .map((word) => (acronyms.has(word.toUpperCase()) ? word.toUpperCase() : word[0]?.toUpperCase() + word.slice(1)))
    .join(" ");
}
