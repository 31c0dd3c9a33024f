import { errorMessage, Fault } from "../../lib/fault.ts";
import { nearestWord } from "../../lib/nearest-word.ts";
import { parseYamlDocuments } from "../../machinery/codec-yaml.ts";
import { compileStagePath, type StagePath } from "./stage-path.ts";
import { compileStatusTemplate, type StatusTemplate } from "./stage-template.ts";

/** A time to wait: so many milliseconds, or what a field of the object says, as a duration or a moment. */
export interface StageDuration {
  readonly milliseconds: number;
  readonly from: StagePath | undefined;
}

/** One step of a pod's life: whom it concerns, how long it waits, and what it does. */
export interface Stage {
  readonly name: string;
  readonly selects: (object: object) => boolean;
  /** How often it is chosen where several apply. */
  readonly weight: number;
  readonly delay: StageDuration;
  /** Up to where the delay may fall by chance. */
  readonly jitter: StageDuration | undefined;
  readonly status: StatusTemplate | undefined;
  readonly event:
    | { readonly type: "Normal" | "Warning"; readonly reason: string; readonly message: string }
    | undefined;
  readonly deletes: boolean;
}

type Table = Readonly<Record<string, unknown>>;

/** Reads KWOK's `Stage` documents about pods. Throws Fault `invalid` that names the stage and the field. */
export function readStages(text: string): readonly Stage[] {
  let documents: readonly unknown[];
  try {
    documents = parseYamlDocuments(text);
  } catch (error) {
    throw new Fault("invalid", errorMessage(error));
  }
  const stages = documents
    .filter((each) => each !== null && each !== undefined)
    .map((each, index) => stageOf(new Field(each, `document ${index + 1}`)));
  if (stages.length === 0) throw new Fault("invalid", "there is no Stage in it");
  const names = new Set<string>();
  for (const { name } of stages) {
    if (names.has(name)) throw new Fault("invalid", `stage ${name}: there are two of that name`);
    names.add(name);
  }
  return stages;
}

function stageOf(document: Field): Stage {
  const named = document.table().metadata as Table | undefined;
  const root = typeof named?.name === "string" ? new Field(document.value, `stage ${named.name}`) : document;
  root.only("apiVersion", "kind", "metadata", "spec", "status");
  root.member("apiVersion").oneOf("kwok.x-k8s.io/v1alpha1");
  root.member("kind").oneOf("Stage");
  const name = root.member("metadata").member("name").text();
  const spec = root.member("spec").required();
  for (const later of ["steps", "weightFrom", "immediateNextStage"])
    if (later in spec.table() && spec.table()[later] !== false)
      throw spec.member(later).wrong("is not supported here; say what happens in spec.next");
  spec.only("resourceRef", "selector", "weight", "delay", "next", "steps", "immediateNextStage");
  const kind = spec.member("resourceRef").required();
  kind.only("apiGroup", "kind");
  kind.member("apiGroup").optional()?.oneOf("v1", "");
  kind.member("kind").oneOf("Pod");
  const delay = spec.member("delay").optional();
  delay?.only("durationMilliseconds", "durationFrom", "jitterDurationMilliseconds", "jitterDurationFrom");
  const next = spec.member("next").required();
  if ("finalizers" in next.table())
    throw next.member("finalizers").wrong("is not supported here: they are taken away by whoever put them there");
  next.only("statusTemplate", "statusSubresource", "event", "delete", "finalizers");
  next.member("statusSubresource").optional()?.oneOf("status");
  const template = next.member("statusTemplate").optional();
  const event = next.member("event").optional();
  event?.only("type", "reason", "message");
  return {
    name,
    selects: selectorOf(spec.member("selector").optional()),
    weight: spec.member("weight").optional()?.wholeNumber() ?? 0,
    delay: durationOf(delay, "duration") ?? { milliseconds: 0, from: undefined },
    jitter: durationOf(delay, "jitterDuration"),
    status: template?.compiled((text) => compileStatusTemplate(text, name)),
    event: event && {
      type: event.member("type").optional()?.oneOf("Normal", "Warning") ?? "Normal",
      reason: event.member("reason").text(),
      message: event.member("message").optional()?.text() ?? "",
    },
    deletes: next.member("delete").optional()?.flag() ?? false,
  };
}

function durationOf(delay: Field | undefined, name: string): StageDuration | undefined {
  const fixed = delay?.member(`${name}Milliseconds`).optional();
  const from = delay?.member(`${name}From`).optional();
  if (!fixed && !from) return undefined;
  from?.only("expressionFrom", "jq");
  const jq = from?.member("jq").optional();
  jq?.only("expression");
  const expression = jq?.member("expression") ?? from?.member("expressionFrom");
  return { milliseconds: fixed?.wholeNumber() ?? 0, from: expression?.compiled(compileStagePath) };
}

function selectorOf(selector: Field | undefined): (object: object) => boolean {
  selector?.only("matchLabels", "matchAnnotations", "matchExpressions");
  const labels = Object.entries(selector?.member("matchLabels").optional()?.texts() ?? {});
  const annotations = Object.entries(selector?.member("matchAnnotations").optional()?.texts() ?? {});
  const expressions = selector?.member("matchExpressions").optional()?.elements().map(expressionOf) ?? [];
  return (object) => {
    const { metadata } = object as { readonly metadata: Readonly<Record<"labels" | "annotations", Table | undefined>> };
    return (
      labels.every(([name, value]) => metadata.labels?.[name] === value) &&
      annotations.every(([name, value]) => metadata.annotations?.[name] === value) &&
      expressions.every((holds) => holds(object))
    );
  };
}

function expressionOf(given: Field): (object: object) => boolean {
  const inner = given.member("jq").optional();
  if (inner) given.only("jq");
  const field = inner ?? given;
  field.only("key", "operator", "values");
  const path = field.member("key").compiled(compileStagePath);
  const operator = field.member("operator").oneOf("In", "NotIn", "Exists", "DoesNotExist");
  const values = new Set(
    field
      .member("values")
      .optional()
      ?.elements()
      .map((value) => value.text()),
  );
  const listed = operator === "In" || operator === "NotIn";
  if (listed !== values.size > 0)
    throw field.member("values").wrong(listed ? "is needed" : `has no place with ${operator}`);
  return (object) => {
    const found = path(object);
    if (!listed) return found.length > 0 === (operator === "Exists");
    return found.some((value) => values.has(String(value))) === (operator === "In");
  };
}

/** A value of the file with the way to it, which every complaint names. */
class Field {
  readonly value: unknown;
  readonly #where: string;

  constructor(value: unknown, where: string) {
    this.value = value;
    this.#where = where;
  }

  wrong(text: string): Fault {
    return new Fault("invalid", `${this.#where}: ${text}`);
  }

  member(name: string): Field {
    const separator = this.#where.startsWith("stage ") && !this.#where.includes(":") ? ": " : ".";
    return new Field(this.table()[name], `${this.#where}${separator}${name}`);
  }

  optional(): Field | undefined {
    return this.value === undefined || this.value === null ? undefined : this;
  }

  required(): Field {
    if (this.optional() === undefined) throw this.wrong("is needed");
    return this;
  }

  only(...names: readonly string[]): void {
    for (const name of Object.keys(this.table())) {
      if (names.includes(name)) continue;
      const likely = nearestWord(name, names);
      throw this.member(name).wrong(likely ? `unknown field; did you mean ${likely}?` : "unknown field");
    }
  }

  table(): Table {
    const { value } = this;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Table;
    throw this.required().wrong("must be an object");
  }

  elements(): readonly Field[] {
    if (!Array.isArray(this.value)) throw this.wrong("must be a list");
    return this.value.map((value: unknown, index) => new Field(value, `${this.#where}[${index}]`));
  }

  text(): string {
    if (typeof this.value === "string") return this.value;
    throw this.required().wrong("must be a string");
  }

  texts(): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.keys(this.table()).map((name) => [name, this.member(name).text()]));
  }

  flag(): boolean {
    if (typeof this.value === "boolean") return this.value;
    throw this.wrong("must be true or false");
  }

  wholeNumber(): number {
    if (Number.isSafeInteger(this.value) && (this.value as number) >= 0) return this.value as number;
    throw this.wrong("must be a whole number, 0 or more");
  }

  oneOf<const T extends string>(...values: readonly T[]): T {
    const text = this.text();
    const found = values.find((value) => value === text);
    if (found === undefined)
      throw this.wrong(`must be ${values.filter(Boolean).join(" or ")}, not ${JSON.stringify(text)}`);
    return found;
  }

  /** What a text compiles to; what it complains about is said of this field. */
  compiled<T>(compile: (text: string) => T): T {
    try {
      return compile(this.text());
    } catch (error) {
      const said = errorMessage(error);
      throw said.startsWith(this.#where) ? error : this.wrong(said);
    }
  }
}
