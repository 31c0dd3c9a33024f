import { isIP, isIPv4, isIPv6 } from "node:net";

/**
 * The forms that names and values must have. Each rule takes a string and returns what is wrong with it, in the words that
 * Kubernetes uses; an empty list means that nothing is.
 */
export type NameRule = (value: string) => readonly string[];

const fine: readonly string[] = Object.freeze([]);

const labelForm = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomainForm = `${labelForm}(\\.${labelForm})*`;
const label1035Form = "[a-z]([-a-z0-9]*[a-z0-9])?";
const wildcardForm = `\\*\\.${subdomainForm}`;
const qualifiedForm = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelValueForm = `(${qualifiedForm})?`;
const underscoreLabelForm = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const underscoreForm = `${underscoreLabelForm}(\\.${underscoreLabelForm})*`;
const environmentForm = "[-._a-zA-Z][-._a-zA-Z0-9]*";
const configKeyForm = "[-._a-zA-Z0-9]+";
const percentForm = "[0-9]+%";
const headerForm = "[-A-Za-z0-9]+";
const identifierForm = "[A-Za-z_][A-Za-z0-9_]*";
const pathForm = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

const whole = (form: string) => new RegExp(`^${form}$`);

const label = whole(labelForm);
const subdomain = whole(subdomainForm);
const label1035 = whole(label1035Form);
const wildcard = whole(wildcardForm);
const qualified = whole(qualifiedForm);
const labelValue = whole(labelValueForm);
const underscore = whole(underscoreForm);
const environment = whole(environmentForm);
const configKey = whole(configKeyForm);
const percent = whole(percentForm);
const header = whole(headerForm);
const identifier = whole(identifierForm);
const httpPath = whole(pathForm);

/** The text of a value that is too long. */
export const tooLongText = (limit: number): string => `must be no more than ${limit} characters`;

/** The text of a number outside its bounds. */
export const rangeText = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;

/** The text of a value that does not have its form, with examples of ones that do. */
export function formText(what: string, form: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${what} (regex used for validation is '${form}')`;
  return `${what} (e.g. ${examples.map((example) => `'${example}', `).join(" or ")}regex used for validation is '${form}')`;
}

const subdomainText = formText(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  subdomainForm,
  "example.com",
);
const labelText = formText(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  labelForm,
  "my-name",
  "123-abc",
);
const label1035Text = formText(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  label1035Form,
  "my-name",
  "abc-123",
);
const qualifiedText = formText(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  qualifiedForm,
  "MyName",
  "my.name",
  "123-abc",
);
const labelValueText = formText(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  labelValueForm,
  "MyValue",
  "my_value",
  "12345",
);

/** `example.com`, up to 253 characters. */
export const dnsSubdomain: NameRule = (value) => {
  if (value.length <= 253 && subdomain.test(value)) return fine;
  return [...(value.length > 253 ? [tooLongText(253)] : []), ...(subdomain.test(value) ? [] : [subdomainText])];
};

/** `my-name`, up to 63 characters. */
export const dnsLabel: NameRule = (value) => {
  if (value.length <= 63 && label.test(value)) return fine;
  const length = value.length > 63 ? [tooLongText(63)] : [];
  if (label.test(value)) return length;
  return [...length, subdomain.test(value) ? "must not contain dots" : labelText];
};

/** As `dnsLabel`, beginning with a letter. */
export const dnsLabel1035: NameRule = (value) => {
  if (value.length <= 63 && label1035.test(value)) return fine;
  return [...(value.length > 63 ? [tooLongText(63)] : []), ...(label1035.test(value) ? [] : [label1035Text])];
};

/** `*.example.com` */
export const wildcardSubdomain: NameRule = (value) => {
  if (value.length <= 253 && wildcard.test(value)) return fine;
  const form = formText(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    wildcardForm,
    "*.example.com",
  );
  return [...(value.length > 253 ? [tooLongText(253)] : []), ...(wildcard.test(value) ? [] : [form])];
};

/** As `dnsSubdomain`, with `_` allowed: DNS search domains. */
export const underscoreSubdomain: NameRule = (value) => {
  if (value.length <= 253 && underscore.test(value)) return fine;
  const form = formText(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
    underscoreForm,
    "example.com",
  );
  return [...(value.length > 253 ? [tooLongText(253)] : []), ...(underscore.test(value) ? [] : [form])];
};

/** A name with an optional DNS prefix, `example.com/my.name`: label keys, finalizers, resource names. */
export const qualifiedName: NameRule = (value) => {
  if (value.length <= 63 && qualified.test(value)) return fine; // most keys have no prefix
  const parts = value.split("/");
  if (parts.length > 2) {
    return [
      `a valid label key ${qualifiedText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts.at(-1) ?? "";
  const faults: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    if (prefix === "") faults.push("prefix part must be non-empty");
    else for (const text of dnsSubdomain(prefix)) faults.push(`prefix part ${text}`);
  }
  if (name === "") faults.push("name part must be non-empty");
  else if (name.length > 63) faults.push(`name part ${tooLongText(63)}`);
  if (!qualified.test(name)) faults.push(`name part ${qualifiedText}`);
  return faults.length === 0 ? fine : faults;
};

/** A label's value: empty, or up to 63 characters. */
export const validLabelValue: NameRule = (value) => {
  if (value.length <= 63 && labelValue.test(value)) return fine;
  return [...(value.length > 63 ? [tooLongText(63)] : []), ...(labelValue.test(value) ? [] : [labelValueText])];
};

/** What may stand as one step of a URL's path, whatever else it holds. */
export const pathSegment: NameRule = (value) => {
  if (value === "." || value === "..") return [`may not be '${value}'`];
  const faults = ["/", "%"].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
  return faults.length === 0 ? fine : faults;
};

/** Turns a rule for names into the rule for what a name is generated from: a `-` at the end is allowed. */
export function generateNameRule(rule: NameRule): NameRule {
  return (value) => rule(value.length > 1 && value.endsWith("-") ? `${value.slice(0, -2)}a` : value);
}

/** A port's number: 1 to 65535. */
export const portNumber = (value: number): readonly string[] =>
  Number.isInteger(value) && value >= 1 && value <= 65535 ? fine : [rangeText(1, 65535)];

/** A port's name (RFC 6335, lower case only). */
export const portName: NameRule = (value) => {
  const faults: string[] = [];
  if (value.length > 15) faults.push(tooLongText(15));
  if (!/^[-a-z0-9]+$/.test(value)) {
    faults.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/.test(value)) faults.push("must contain at least one letter (a-z)");
  if (value.includes("--")) faults.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) faults.push("must not begin or end with a hyphen");
  return faults.length === 0 ? fine : faults;
};

/** A user's or group's number: 0 to 4294967295. */
export const userOrGroupId = (value: number): readonly string[] =>
  value >= 0 && value <= 0xffffffff ? fine : [rangeText(0, 0xffffffff)];

/** What an environment variable may be called since 1.32: printable ASCII without `=`. */
export const environmentName: NameRule = (value) => {
  const faults: string[] = [];
  if (value === "") faults.push("environment variable name must be non-empty");
  if (/[^\x20-\x3c\x3e-\x7e]/.test(value)) {
    faults.push("a valid environment variable name must consist only of printable ASCII characters other than '='");
  }
  return faults.length === 0 ? fine : faults;
};

/** What an environment variable may be called in the strict sense: `MY_ENV.NAME`. */
export const strictEnvironmentName: NameRule = (value) => {
  const faults: string[] = [];
  if (!environment.test(value)) {
    faults.push(
      formText(
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
        environmentForm,
        "my.env-name",
        "MY_ENV.NAME",
        "MyEnvName1",
      ),
    );
  }
  faults.push(...dotsPrefix(value));
  return faults.length === 0 ? fine : faults;
};

/** A key of a ConfigMap or Secret. */
export const configMapKey: NameRule = (value) => {
  const faults: string[] = [];
  if (value.length > 253) faults.push(tooLongText(253));
  if (!configKey.test(value)) {
    faults.push(
      formText(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        configKeyForm,
        "key.name",
        "KEY_NAME",
        "key-name",
      ),
    );
  }
  faults.push(...dotsPrefix(value));
  return faults.length === 0 ? fine : faults;
};

function dotsPrefix(value: string): readonly string[] {
  if (value === "." || value === "..") return [`must not be '${value}'`];
  return value.startsWith("..") ? ["must not start with '..'"] : fine;
}

/** An identifier of C: letters, digits and `_`, not beginning with a digit. */
export const cIdentifier: NameRule = (value) =>
  identifier.test(value)
    ? fine
    : [
        formText(
          "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
          identifierForm,
          "my_name",
          "MY_NAME",
          "MyName",
        ),
      ];

/** `25%` */
export const percentage: NameRule = (value) =>
  percent.test(value)
    ? fine
    : [formText("a valid percent string must be a numeric string followed by an ending '%'", percentForm, "1%", "93%")];

/** The name of an HTTP header. */
export const httpHeaderName: NameRule = (value) =>
  header.test(value)
    ? fine
    : [formText("a valid HTTP header must consist of alphanumeric characters or '-'", headerForm, "X-Header-Name")];

/** `acme.io/foo`: a domain, then an HTTP path. */
export const domainPrefixedPath: NameRule = (value) => {
  const slash = value.indexOf("/");
  if (slash <= 0 || slash === value.length - 1) return ['must be a domain-prefixed path (such as "acme.io/foo")'];
  const rest = value.slice(slash + 1);
  const faults = [...dnsSubdomain(value.slice(0, slash))];
  if (!httpPath.test(rest)) faults.push(formText("Invalid path", pathForm));
  return faults.length === 0 ? fine : faults;
};

/** A domain of at least three parts. */
export const fullyQualifiedName: NameRule = (value) => {
  const faults = dnsSubdomain(value);
  if (faults.length > 0) return [faults.join(",")];
  return value.split(".").length < 3 ? ["should be a domain with at least three segments separated by dots"] : fine;
};

/** An IPv4 address as old fields still take it, with leading zeros (read as decimal). */
const sloppyV4 = /^\d{1,3}(\.\d{1,3}){3}$/;
const isSloppyV4 = (value: string) => sloppyV4.test(value) && value.split(".").every((part) => Number(part) <= 255);
const isAddress = (value: string) => (isIP(value) !== 0 && !value.includes("%")) || isSloppyV4(value);

/** An IPv4 or IPv6 address. */
export const ipAddress: NameRule = (value) =>
  isAddress(value) ? fine : ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"];

export const ipv4Address: NameRule = (value) =>
  isIPv4(value) || isSloppyV4(value) ? fine : ["must be a valid IPv4 address"];

export const ipv6Address: NameRule = (value) =>
  isIPv6(value) && !value.includes("%") ? fine : ["must be a valid IPv6 address"];

/** An address with the length of its network part: `10.9.8.0/24`. */
export const cidr: NameRule = (value) => {
  const [address = "", bits = "", ...rest] = value.split("/");
  const limit = isSloppyV4(address) ? 32 : 128;
  const valid = isAddress(address) && /^\d{1,3}$/.test(bits) && Number(bits) <= limit && rest.length === 0;
  return valid ? fine : ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];
};

/** The rules that a kind can ask its objects' names to follow. */
export const nameRules = {
  subdomain: dnsSubdomain,
  label: dnsLabel,
  label1035: dnsLabel1035,
  path: pathSegment,
} as const;
