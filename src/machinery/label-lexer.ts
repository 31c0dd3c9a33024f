/** What a label selector's text is made of. */
export type LabelToken =
  | "end"
  | "error"
  | "identifier"
  | "("
  | ")"
  | ","
  | "!"
  | "="
  | "=="
  | "!="
  | ">"
  | "<"
  | "in"
  | "notin";

export interface LabelLexeme {
  readonly token: LabelToken;
  /** The text; what is wrong, for an error. */
  readonly text: string;
}

const symbols = new Set<string>(["(", ")", ",", "!", "=", "==", "!=", ">", "<"]);
const end: LabelLexeme = { token: "end", text: "" };

/** Cuts a label selector's text into its parts, the last of which is `end` or `error`. */
export function labelLexemes(text: string): readonly LabelLexeme[] {
  const lexemes: LabelLexeme[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (/[ \t\r\n]/.test(character)) {
      at++;
    } else if (/[=!(),<>]/.test(character)) {
      const two = text.slice(at, at + 2);
      const symbol = symbols.has(two) ? two : character;
      lexemes.push({ token: symbol as LabelToken, text: symbol });
      at += symbol.length;
    } else {
      const word = /^[^ \t\r\n=!(),<>]+/.exec(text.slice(at))?.[0] ?? "";
      const keyword = word === "in" || word === "notin";
      lexemes.push({ token: keyword ? word : "identifier", text: word });
      at += word.length;
    }
  }
  lexemes.push(end);
  return lexemes;
}
