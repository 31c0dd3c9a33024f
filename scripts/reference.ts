import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, type Option } from "commander";
import type { Kind } from "../src/api/kind.ts";
import { kinds } from "../src/api/kinds.ts";
import { addCommands } from "../src/cli/commands.ts";
import { commandGroups } from "../src/cli/kubectl/command-list.ts";
import { accessFlags, protectionFlags, storeFlags, switchFlags } from "../src/cluster/api-server-flag-names.ts";
import { clusterSchema, type Schema } from "../src/cluster/description/schema.ts";
import { controllerFlagNames, nodeFlagNames } from "../src/cluster/part-flags.ts";
import { openTestCluster } from "../src/testing/test-cluster.ts";

/** Where the pages made here lie. */
export const folder = join(import.meta.dirname, "..", "docs", "reference");

/** The pages of the reference by their file names, each made from what the program itself declares. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  return {
    "navarch.md": commandsPage(),
    "kubectl.md": kubectlPage(),
    "cluster-description.md": descriptionPage(),
    "cluster.schema.json": schemaFile(),
    "flags.md": flagsPage(),
    "api-kinds.md": kindsPage(),
    "metrics.md": await metricsPage(),
  };
}

const note = "\nMade by `npm run reference` from what the program declares; a test holds it to that.\n";

const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

function commandsPage(): string {
  const program = new Command("navarch");
  addCommands(program);
  const sections = program.commands.flatMap((command) => commandSections(command, "navarch"));
  return `# navarch\n${note}\n${sections.join("\n\n")}\n`;
}

function commandSections(command: Command, parent: string): readonly string[] {
  const path = `${parent} ${command.name()}`;
  const below = command.commands.flatMap((one) => commandSections(one, path));
  const own = command.description() && (below.length === 0 || command.options.length > 0);
  const words = command.registeredArguments.map((argument) => {
    const word = `${argument.name()}${argument.variadic ? "..." : ""}`;
    return argument.required ? ` <${word}>` : ` [${word}]`;
  });
  const options = command.options.map((option) => [`\`${option.flags}\``, optionText(option)]);
  const section = [
    `## ${path}${words.join("")}`,
    `${sentence(command.description())}`,
    ...(options.length > 0 ? [table(["option", "what it does"], options)] : []),
  ].join("\n\n");
  return [...(own ? [section] : []), ...below];
}

function optionText({ description, defaultValue }: Option): string {
  const shown =
    defaultValue === undefined || defaultValue === false ? "" : `; ${JSON.stringify(defaultValue)} unless said`;
  return `${description}${shown}`;
}

const sentence = (text: string) => (text === "" ? "" : `${text[0]?.toUpperCase()}${text.slice(1)}.`);

function kubectlPage(): string {
  const groups = commandGroups.map(({ title, commands }) => {
    const shown = commands.filter(({ hidden }) => !hidden);
    return `## ${title}\n\n${table(
      ["command", "what it does"],
      shown.map(({ name, short }) => [`\`kubectl ${name}\``, short]),
    )}`;
  });
  return `# navarch kubectl\n${note}\n${groups.join("\n\n")}\n`;
}

function descriptionPage(): string {
  const rows: (readonly string[])[] = [];
  const walk = (schema: Schema, path: string): void => {
    for (const [name, part] of Object.entries(schema.properties ?? {})) {
      const at = path === "" ? name : `${path}.${name}`;
      // Flags have a page of their own.
      if (name === "flags") rows.push([`\`${at}\``, part.description, "see [flags](flags.md)"]);
      else {
        rows.push([`\`${at}\``, part.description, formOf(part)]);
        walk(part, at);
      }
    }
  };
  walk(clusterSchema, "");
  return `# A cluster's description\n${note}
[cluster.schema.json](cluster.schema.json) is its JSON Schema, which \`navarch config schema\` prints too;
\`navarch config validate FILE\` names every fault by line and column,
\`navarch up --config FILE\` makes the cluster.

${table(["field", "what it says", "form"], rows)}
`;
}

/** Short lists on one line, as the formatter has them. */
function schemaFile(): string {
  const text = JSON.stringify(clusterSchema, undefined, 2);
  return `${text.replace(/\[\n\s+("[^[{]*?")\n\s+\]/g, (_, items: string) => `[${items.replace(/,\s+/g, ", ")}]`)}\n`;
}

function formOf(schema: Schema): string {
  if (schema.const) return `\`${schema.const}\``;
  if (schema.enum) return schema.enum.map((word) => `\`${word}\``).join(", ");
  if (schema.type === "integer") return `${schema.minimum} to ${schema.maximum}`;
  return schema.type === "array" ? "list" : schema.type === "object" ? "" : "text";
}

function flagsPage(): string {
  const parts: readonly (readonly [string, string, readonly string[]])[] = [
    ["API server", "--apiserver-arg", [...accessFlags, ...protectionFlags, ...storeFlags, ...switchFlags]],
    ["controller manager", "--controller-manager-arg", controllerFlagNames],
    ["kubelet", "--kubelet-arg", nodeFlagNames],
  ];
  const sections = parts.map(
    ([program, flag, names]) =>
      `## The ${program}'s, by \`navarch up ${flag} NAME=VALUE\`\n\n${[...names]
        .sort()
        .map((name) => `- \`${name}\``)
        .join("\n")}`,
  );
  return `# Flags of Kubernetes' programs\n${note}\nEach means what upstream's flag of this name means.\n\n${sections.join("\n\n")}\n`;
}

function kindsPage(): string {
  const rows = kinds
    .map((kind) => [
      kind.group || "core",
      kind.kind,
      `\`${kind.plural}\``,
      (kind.declaration.shortNames ?? []).join(", "),
      versionsOf(kind).join(", "),
      kind.namespaced ? "namespace" : "cluster",
      (kind.declaration.subresources ?? []).join(", "),
    ])
    .sort(([a = "", b = ""], [c = "", d = ""]) => (a === c ? (b < d ? -1 : 1) : a < c ? -1 : 1));
  return `# Kinds of the API\n${note}\n${table(
    ["group", "kind", "resource", "short", "versions", "lies in", "subresources"],
    rows,
  )}\n`;
}

function versionsOf({ apiVersion, declaration }: Kind): readonly string[] {
  return [...new Set([apiVersion, ...Object.keys(declaration.versions ?? {})])];
}

async function metricsPage(): Promise<string> {
  await using cluster = await openTestCluster({ scheduler: true });
  const answer = await cluster.server.handle({
    method: "GET",
    path: "/metrics",
    headers: {},
    body: { kind: "none" },
    identity: { name: "admin", groups: ["system:masters"] },
    signal: new AbortController().signal,
  });
  const text = answer.body.kind === "bytes" ? Buffer.from(answer.body.bytes).toString() : "";
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]));
  const rows = [...text.matchAll(/^# HELP (\S+) (.*)$/gm)]
    .map(([, name = "", help = ""]) => [`\`${name}\``, types.get(name) ?? "", help])
    .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return `# Metrics\n${note}\nThe API server's \`/metrics\`, in Prometheus' text form.\n\n${table(
    ["name", "type", "what it counts"],
    rows,
  )}\n`;
}

if (import.meta.main) {
  const pages = await referencePages();
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (!(name in pages)) rmSync(join(folder, name));
  for (const [name, text] of Object.entries(pages)) {
    const file = join(folder, name);
    const before = readOrNothing(file);
    if (before !== text) writeFileSync(file, text);
    console.log(`${before === text ? "unchanged" : "written  "} docs/reference/${name}`);
  }
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
