import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The folder of the whole project. */
export const root = join(import.meta.dirname, "../../..");

/** Pages that say what was decided, was or is to come; what they name need not be there today. */
const ofAnotherTime = /^docs\/(decisions\/|PROGRESS\.md)/;

/** Every page that a reader may open, by its path in the project. */
export function pages(): readonly string[] {
  const below = ["docs", "examples"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md") && !name.includes("node_modules"))
      .map((name) => join(folder, name)),
  );
  return ["README.md", "CONTRIBUTING.md", ...below.filter((name) => !ofAnotherTime.test(name)).toSorted()];
}

export const pageText = (page: string): string => readFileSync(join(root, page), "utf8");

/** A command that a page shows. */
export interface ShownCommand {
  readonly page: string;
  readonly line: number;
  readonly command: string;
  /** `console`: typed by a test of its own; `block`: on lines of its own; `text`: what a terminal showed; `span`: in a sentence. */
  readonly form: "console" | "block" | "text" | "span";
}

const programs = "navarch|kubectl|npm|node|curl|openssl|sed|echo|git|systemctl";
const beginning = new RegExp(`^(?:${programs}) `);

/** Every command that a page shows, wherever. */
export function shownCommands(page: string): readonly ShownCommand[] {
  const found: ShownCommand[] = [];
  let fence: string | undefined;
  const lines = pageText(page).split("\n");
  for (const [at, line] of lines.entries()) {
    const add = (form: ShownCommand["form"], command: string) =>
      found.push({ page, line: at + 1, form, command: command.replace(/\s+#\s.*$/, "").trim() });
    if (line.startsWith("```")) {
      fence = fence === undefined ? line.slice(3).split(" ")[0] : undefined;
    } else if (fence === "console" || fence === "text") {
      if (line.startsWith("$ ")) add(fence, line.slice(2));
    } else if (fence === "sh") {
      if (!lines[at - 1]?.endsWith("\\") && beginning.test(line)) add("block", line);
    } else if (fence === undefined && line.startsWith("    ")) {
      if (beginning.test(line.trim())) add("block", line);
    } else if (fence === undefined) {
      for (const [, code = ""] of line.matchAll(/`([^`]+)`/g)) {
        if (beginning.test(code)) add("span", code.replaceAll("\\|", "|"));
      }
    }
  }
  return found;
}

/** Every command that any page shows. */
export const allShown = (): readonly ShownCommand[] => pages().flatMap(shownCommands);
