import type { FloatLiteral } from "./values.ts";

/** The tree of a Go template. Positions are offsets into the source. */
export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly pipe: Pipe }
  | Control
  | { readonly kind: "template"; readonly at: number; readonly name: string; readonly pipe: Pipe | undefined }
  | { readonly kind: "break" | "continue" };

/** `{{if}}`, `{{with}}` or `{{range}}` with its `{{else}}`. */
export interface Control {
  readonly kind: "if" | "with" | "range";
  readonly pipe: Pipe;
  readonly body: Block;
  readonly otherwise: Block;
}

export type Block = readonly Node[];

/** Commands that hand their values on; its variables are declared, or set when `assigns`. */
export interface Pipe {
  readonly kind: "pipe";
  readonly at: number;
  readonly variables: readonly string[];
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

/** An operand with arguments, or a function with them. */
export interface Command {
  readonly at: number;
  readonly operands: readonly Operand[];
}

export type Operand = { readonly at: number } & (
  | { readonly kind: "dot" | "nil" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "number"; readonly value: FloatLiteral | bigint; readonly text: string }
  | { readonly kind: "string"; readonly value: string; readonly text: string }
  | { readonly kind: "function"; readonly name: string }
  /** `.a.b`, or `$x.a` with the variable's name. */
  | { readonly kind: "field"; readonly path: readonly string[] }
  | { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] }
  /** `(…).a` */
  | { readonly kind: "chain"; readonly of: Operand; readonly path: readonly string[] }
  | Pipe
);

const dotted = (path: readonly string[]) => path.map((name) => `.${name}`).join("");

/** An operand as it is shown in errors. */
export function operandText(operand: Operand): string {
  switch (operand.kind) {
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "bool":
      return String(operand.value);
    case "number":
    case "string":
      return operand.text;
    case "function":
      return operand.name;
    case "field":
      return dotted(operand.path);
    case "variable":
      return `${operand.name}${dotted(operand.path)}`;
    case "chain":
      return `${operandText(operand.of)}${dotted(operand.path)}`;
    case "pipe":
      return `(${pipeText(operand)})`;
  }
}

export function pipeText({ variables, assigns, commands }: Pipe): string {
  const declared = variables.length > 0 ? `${variables.join(", ")} ${assigns ? "=" : ":="} ` : "";
  return `${declared}${commands.map(({ operands }) => operands.map(operandText).join(" ")).join(" | ")}`;
}
