import { addressLibrary } from "./libraries/addresses.ts";
import { authorizerLibrary } from "./libraries/authorizer.ts";
import { twoVariableLibrary } from "./libraries/comprehensions.ts";
import { formatLibrary } from "./libraries/formats.ts";
import { extendedListLibrary, listLibrary, setLibrary } from "./libraries/lists.ts";
import { mathLibrary } from "./libraries/math.ts";
import { mutationLibrary } from "./libraries/mutation.ts";
import { optionalLibrary } from "./libraries/optionals.ts";
import { quantityLibrary } from "./libraries/quantities.ts";
import { regexLibrary } from "./libraries/regex.ts";
import { semverLibrary } from "./libraries/semver.ts";
import { standardLibrary } from "./libraries/standard.ts";
import { stringLibrary } from "./libraries/strings.ts";
import { urlLibrary } from "./libraries/urls.ts";
import type { MacroName } from "./macros.ts";
import type { Overload } from "./overload.ts";

interface Library {
  readonly overloads: readonly Overload[];
  readonly macros?: readonly MacroName[];
}

const libraries = {
  standard: { overloads: standardLibrary, macros: ["standard"] },
  optionals: { overloads: optionalLibrary, macros: ["optionals"] },
  bindings: { overloads: [], macros: ["bindings"] },
  twoVariables: { overloads: twoVariableLibrary, macros: ["two-variables"] },
  strings: { overloads: stringLibrary },
  lists: { overloads: listLibrary },
  extendedLists: { overloads: extendedListLibrary, macros: ["sorting"] },
  sets: { overloads: setLibrary },
  math: { overloads: mathLibrary, macros: ["math"] },
  regex: { overloads: regexLibrary },
  urls: { overloads: urlLibrary },
  quantities: { overloads: quantityLibrary },
  addresses: { overloads: addressLibrary },
  formats: { overloads: formatLibrary },
  semver: { overloads: semverLibrary },
  authorizer: { overloads: authorizerLibrary },
  mutation: { overloads: mutationLibrary },
} as const satisfies Readonly<Record<string, Library>>;

/** The function libraries that can be switched on and off. */
export type CelLibraryName = keyof typeof libraries;

/** The libraries that Kubernetes v1.35 has wherever it takes expressions. */
export const kubernetesLibraries: readonly CelLibraryName[] = [
  "standard",
  "optionals",
  "twoVariables",
  "strings",
  "lists",
  "extendedLists",
  "sets",
  "regex",
  "urls",
  "quantities",
  "addresses",
  "formats",
  "semver",
  "authorizer",
];

/** Every library there is. */
export const allLibraries = Object.keys(libraries) as readonly CelLibraryName[];

/** Functions by name, and macros, of a set of libraries. */
export interface LibrarySet {
  readonly functions: ReadonlyMap<string, readonly Overload[]>;
  readonly macros: ReadonlySet<MacroName>;
  /** The names of the libraries' own types, which expressions may compare `type(x)` with. */
  readonly typeNames: ReadonlySet<string>;
}

const sets = new Map<string, LibrarySet>();

/** The joined functions of libraries; the same set is joined once. */
export function librarySet(names: readonly CelLibraryName[]): LibrarySet {
  const key = [...names].sort().join();
  const known = sets.get(key) ?? joinLibraries(names);
  sets.set(key, known);
  return known;
}

function joinLibraries(names: readonly CelLibraryName[]): LibrarySet {
  const functions = new Map<string, Overload[]>();
  const typeNames = new Set<string>();
  for (const overload of names.flatMap((name): readonly Overload[] => libraries[name].overloads)) {
    const known = functions.get(overload.name);
    if (known) known.push(overload);
    else functions.set(overload.name, [overload]);
    for (const type of [...overload.params, overload.result]) if (type.kind === "opaque") typeNames.add(type.name);
  }
  const macros = new Set(names.flatMap((name): readonly MacroName[] => (libraries[name] as Library).macros ?? []));
  return { functions, macros, typeNames };
}
