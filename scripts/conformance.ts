import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConformanceGroup, OtherTest } from "./conformance/group.ts";
import { networkGroups } from "./conformance/network.ts";
import { nodeGroups } from "./conformance/node.ts";
import { storageGroups } from "./conformance/storage.ts";
import { toolGroups } from "./conformance/tools.ts";

const root = join(import.meta.dirname, "..");

/** Where the table lies. */
export const pageFile = join(root, "docs", "conformance.md");

/** Every part of the table under its heading. */
export const parts: Readonly<Record<string, readonly ConformanceGroup[]>> = {
  Nodes: nodeGroups,
  Network: networkGroups,
  Storage: storageGroups,
  "kubectl and accounts": toolGroups,
};

/** The tests of ours that a group names, each by the title that it must have in its file. */
export function testsNamed({ group, file, names, elsewhere = {} }: ConformanceGroup): readonly OtherTest[] {
  return [...names.map((name) => ({ file, test: `${wordsOf(group)} > ${name}` })), ...Object.values(elsewhere)];
}

/**
 * The titles of a file of tests, each after those of the `describe`s around it, joined by ` > `. Rows of a table outside
 * of every `describe` may belong to each of them: their titles stand after each.
 */
export function titlesIn(file: string): ReadonlySet<string> {
  const stack: { readonly indent: number; readonly title: string }[] = [];
  const [titles, describes, loose] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const line of readFileSync(join(root, file), "utf8").split("\n")) {
    const found = opening.exec(line);
    if (!found?.groups) continue;
    const { space = "", word, quoted = "" } = found.groups;
    const title = unquoted(quoted);
    while (stack.length > 0 && stack.at(-1)!.indent >= space.length) stack.pop();
    const whole = [...stack.map((outer) => outer.title), title].join(" > ");
    if (word === "describe") {
      stack.push({ indent: space.length, title });
      describes.add(whole);
    } else {
      titles.add(whole);
      if (word === "name" && stack.length === 0) loose.add(title);
    }
  }
  for (const title of loose) for (const outer of describes) titles.add(`${outer} > ${title}`);
  return titles;
}

const opening =
  /^(?<space> *)(?:\{ )?(?<word>describe|test|name)(?:\.\w+)*(?:\(|: )(?<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/;

function unquoted(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/g, "$1");
}

function wordsOf(group: string): string {
  return group.replace(/^\[[\w-]+\] /, "");
}

/** The page that says which test of ours stands for which of upstream's. */
export function conformancePage(): string {
  const sections = Object.entries(parts).map(([heading, groups]) => {
    const rows = groups.flatMap((group) => rowsOf(group));
    return `## ${heading}\n\n| upstream | here |\n| --- | --- |\n${rows.join("\n")}\n`;
  });
  return `${introduction}\n${sections.join("\n")}`;
}

const introduction = `# The conformance list

Upstream names the behaviours that every Kubernetes must have. This table leads from each of these names (v1.35) to the
test that holds the behaviour here; where only a file is given, the test has upstream's own name. \`node
scripts/conformance.ts\` writes this page from scripts/conformance, and a test holds every row to a test that exists.
Controllers and the scheduler are held to their part of the list by test/scenarios/conformance.
`;

function rowsOf({ group, file, names, elsewhere = {}, missing = {} }: ConformanceGroup): readonly string[] {
  return [
    ...names.map((name) => [name, file]),
    ...Object.entries(elsewhere).map(([name, other]) => [name, `${other.file}: ${other.test}`]),
    ...Object.entries(missing).map(([name, reason]) => [name, `none: ${reason}`]),
  ].map(([name, here]) => `| ${escaped(`${group} ${name}`)} | ${escaped(here!)} |`);
}

function escaped(cell: string): string {
  return cell.replace(/[|*<>_]/g, "\\$&");
}

if (import.meta.main) writeFileSync(pageFile, conformancePage());
