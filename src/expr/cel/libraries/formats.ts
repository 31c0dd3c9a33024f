import { type CostRule, perCharacter, unknownSize } from "../cost-rule.ts";
import { type Overload, overload } from "../overload.ts";
import { parseTimestamp } from "../time.ts";
import { ArrayList, CelError, CelOpaque, CelOptional, type CelOutcome, type CelValue, costSize } from "../value.ts";
import { parseUrl } from "./urls.ts";

class FormatValue extends CelOpaque {
  readonly typeName = "kubernetes.NamedFormat";
  readonly name: string;
  readonly faults: (text: string) => readonly string[];
  constructor(name: string, faults: (text: string) => readonly string[]) {
    super();
    this.name = name;
    this.faults = faults;
  }
  equals(other: CelOpaque): boolean {
    return other instanceof FormatValue && other.name === this.name;
  }
}

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomain = `${label}(\\.${label})*`;
const qualified = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

interface Form {
  readonly what: string;
  readonly pattern: string;
  readonly examples: readonly string[];
  readonly limit: number;
}

const dnsLabel: Form = {
  what: "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  pattern: label,
  examples: ["my-name", "123-abc"],
  limit: 63,
};
const dnsSubdomain: Form = {
  what: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  pattern: subdomain,
  examples: ["example.com"],
  limit: 253,
};
const dnsLabel1035: Form = {
  what: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  pattern: "[a-z]([-a-z0-9]*[a-z0-9])?",
  examples: ["my-name", "abc-123"],
  limit: 63,
};
const labelValue: Form = {
  what: "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  pattern: "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
  examples: ["MyValue", "my_value", "12345"],
  limit: 63,
};
const namePart: Form = {
  what: "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  pattern: qualified,
  examples: ["MyName", "my.name", "123-abc"],
  limit: 63,
};

function formFault({ what, pattern, examples }: Form): string {
  const shown = examples.map((example) => `'${example}', `).join(" or ");
  return `${what} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

function faultsOf(form: Form, text: string): string[] {
  const faults = text.length > form.limit ? [`must be no more than ${form.limit} characters`] : [];
  if (!new RegExp(`^(?:${form.pattern})$`).test(text.slice(0, form.limit + 1))) faults.push(formFault(form));
  return faults;
}

/** A prefix may end with a dash: what a generated name adds ends it. */
const prefixOf = (form: Form) => (text: string) => faultsOf(form, text.endsWith("-") ? `${text.slice(0, -1)}a` : text);

function qualifiedFaults(text: string): string[] {
  const parts = text.split("/");
  const [prefix = "", name = ""] = parts.length === 1 ? ["", text] : parts;
  if (parts.length > 2) {
    return [
      `a qualified name ${formFault(namePart).replace("name part ", "")} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const faults: string[] = [];
  if (parts.length === 2 && prefix === "") faults.push("prefix part must be non-empty");
  else if (prefix !== "") faults.push(...faultsOf(dnsSubdomain, prefix).map((fault) => `prefix part ${fault}`));
  if (name === "") faults.push("name part must be non-empty");
  else if (name.length > 63) faults.push("name part must be no more than 63 characters");
  if (!new RegExp(`^(?:${qualified})$`).test(name.slice(0, 64))) faults.push(formFault(namePart));
  return faults;
}

const when = (valid: boolean, fault: string): string[] => (valid ? [] : [fault]);
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

const rules: Readonly<Record<string, (text: string) => readonly string[]>> = {
  dns1123Label: (text) => faultsOf(dnsLabel, text),
  dns1123Subdomain: (text) => faultsOf(dnsSubdomain, text),
  dns1035Label: (text) => faultsOf(dnsLabel1035, text),
  qualifiedName: qualifiedFaults,
  dns1123LabelPrefix: prefixOf(dnsLabel),
  dns1123SubdomainPrefix: prefixOf(dnsSubdomain),
  dns1035LabelPrefix: prefixOf(dnsLabel1035),
  labelValue: (text) => faultsOf(labelValue, text),
  uri: (text) => {
    const parsed = parseUrl(text);
    return parsed instanceof CelError
      ? [parsed.message.replace(/^URL parse error during conversion from string: /, "")]
      : [];
  },
  uuid: (text) => when(uuid.test(text), "does not match the UUID format"),
  byte: (text) => when(base64.test(text), "invalid base64"),
  date: (text) =>
    when(/^\d{4}-\d\d-\d\d$/.test(text) && !(parseTimestamp(`${text}T00:00:00Z`) instanceof CelError), "invalid date"),
  datetime: (text) => when(!(parseTimestamp(text) instanceof CelError), "invalid datetime"),
};

const formats = new Map(Object.entries(rules).map(([name, faults]) => [name, new FormatValue(name, faults)]));

function validate(format: FormatValue, text: string): CelOutcome {
  const faults = format.faults(text);
  return faults.length === 0 ? CelOptional.none : new CelOptional(new ArrayList(faults));
}

function named(name: string): CelOutcome {
  const format = formats.get(name);
  return format ? new CelOptional(format) : CelOptional.none;
}

/** Every format is a pattern run over the text; the longest has about this many characters. */
const patternSize = 60;
const validation: CostRule = {
  charge: (meter, args) =>
    meter.charge(Math.ceil((1 + costSize(args[1] as CelValue)) * perCharacter) * Math.ceil(patternSize * 0.25)),
  estimate: (args) => {
    const text = args[1]?.size ?? unknownSize;
    const price = (size: number) => Math.ceil((1 + size) * perCharacter) * Math.ceil(patternSize * 0.25);
    return { cost: { min: price(text.min), max: price(text.max) } };
  },
};

/** Named formats of text, and what is wrong with a text that has not the format. */
export const formatLibrary: readonly Overload[] = [
  overload("format.named", "(string): optional(kubernetes.NamedFormat)", named),
  ...Array.from(formats, ([name, format]) => overload(`format.${name}`, "(): kubernetes.NamedFormat", () => format)),
  overload("validate", "kubernetes.NamedFormat.(string): optional(list(string))", validate, validation),
];
