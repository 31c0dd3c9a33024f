import type { Host } from "../host.ts";

/** The values that flags can have, by the form they are written in. */
export interface FlagValues {
  readonly bool: boolean;
  readonly text: string;
  readonly int: number;
  /** Milliseconds. */
  readonly duration: number;
  /** Given several times, or once with commas. */
  readonly list: readonly string[];
  /** Given several times; a comma is an ordinary character. */
  readonly texts: readonly string[];
}

export type FlagForm = keyof FlagValues;

/** One flag of a command. */
export interface Flag<Form extends FlagForm = FlagForm> {
  readonly form: Form;
  readonly usage: string;
  readonly default: FlagValues[Form];
  /** One letter. */
  readonly short?: string;
  /** What the flag without a value means, as `--dry-run`; a flag that has none takes the next word. */
  readonly bare?: string;
  readonly hidden?: boolean;
  /** Said on stderr when the flag is used. */
  readonly deprecated?: string;
  /** For `int`: the bits of Go's type, which an error's text tells. */
  readonly bits?: 32 | 64;
  /** The variable of the environment that has to be `true`; without it there is no such flag. */
  readonly gate?: string;
}

/** False for a flag whose gate is shut. */
export function isOpen({ gate }: Flag, env: Host["env"]): boolean {
  return gate === undefined || env[gate]?.toLowerCase() === "true";
}

export type Flags = Readonly<Record<string, Flag>>;

/** The values of a set of flags, by their names. */
export type ValuesOf<F extends Flags> = { readonly [Name in keyof F]: FlagValues[F[Name]["form"]] };

type More<Form extends FlagForm> = Partial<Omit<Flag<Form>, "form" | "usage">>;

const make =
  <Form extends FlagForm>(form: Form, fallback: FlagValues[Form], more: Partial<Flag<Form>> = {}) =>
  (usage: string, options: More<Form> = {}): Flag<Form> => ({ form, usage, default: fallback, ...more, ...options });

/** `--watch`, `--watch=false` */
export const bool = make("bool", false, { bare: "true" });
/** `--output=yaml` */
export const text = make("text", "");
/** `--replicas=3` */
export const int = make("int", 0);
/** `--timeout=1m30s` */
export const duration = make("duration", 0);
/** `--filename=a,b --filename=c` */
export const list = make("list", []);
/** `--from-literal=a=1,2 --from-literal=b=3` */
export const texts = make("texts", []);
