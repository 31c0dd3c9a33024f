/** Breaks what is longer than `width` between words; blanks within a line and line ends stay as they are written. */
export function wrapped(text: string, width: number): readonly string[] {
  return text.split("\n").flatMap((written) => {
    const lines: string[] = [];
    let line = "";
    for (const [, blanks = "", word = ""] of written.matchAll(/(\s*)(\S+)/g)) {
      // A word that fits no line is put on one of its own all the same.
      if (line.length + blanks.length + Math.min(word.length, width - 1) > width) {
        lines.push(line);
        line = word;
      } else line += blanks + word;
    }
    return [...lines, line];
  });
}

/** Lines with a margin. */
export function indented(lines: readonly string[], margin: number): string {
  const blanks = " ".repeat(margin);
  return lines.map((line) => `${blanks}${line}\n`).join("");
}
