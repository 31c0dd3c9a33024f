/** A command of a document, and what the document says that it prints. */
export interface DocumentedCommand {
  readonly line: number;
  readonly command: string;
  /** The lines in their order; `...` stands for any text. */
  readonly prints: readonly string[];
}

/** The commands of a document's `console` blocks: what follows `$ `, and the lines up to the next one. */
export function consoleCommands(text: string): readonly DocumentedCommand[] {
  const found: DocumentedCommand[] = [];
  let inside = false;
  for (const [at, line] of text.split("\n").entries()) {
    if (line.startsWith("```")) inside = line.startsWith("```console");
    else if (inside && line.startsWith("$ ")) found.push({ line: at + 1, command: line.slice(2), prints: [] });
    else if (inside) {
      const last = found.at(-1);
      if (last) found[found.length - 1] = { ...last, prints: [...last.prints, line] };
    }
  }
  return found;
}

/** The files that a document has its reader save: blocks of YAML with a name, as ```yaml web.yaml. */
export function savedFiles(text: string): readonly { readonly name: string; readonly content: string }[] {
  return [...text.matchAll(/^```yaml (\S+)\n([\s\S]*?)^```/gm)].map(([, name = "", content = ""]) => ({
    name,
    content,
  }));
}

/** The documented lines that an output lacks: each must come after the one before it. Blanks count as one. */
export function missingLines({ prints }: DocumentedCommand, output: string): readonly string[] {
  const lines = output.split("\n").map(squeezed);
  let from = 0;
  return prints.filter((documented) => {
    if (documented === "...") return false;
    const pattern = new RegExp(`^${squeezed(documented).split("...").map(escaped).join(".*")}$`);
    const at = lines.findIndex((line, index) => index >= from && pattern.test(line));
    if (at < 0) return true;
    from = at + 1;
    return false;
  });
}

const squeezed = (text: string) => text.trim().replace(/\s+/g, " ");
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
