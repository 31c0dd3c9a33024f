import { describe, expect, test } from "vitest";
import * as names from "./names.ts";

const subdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const nameText =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

describe("what names may be", () => {
  test.each([
    { name: "a subdomain", rule: names.dnsSubdomain, good: ["a", "a-b.c1"], bad: ["", "A", "-a", "a..b", "a_b"] },
    { name: "a label", rule: names.dnsLabel, good: ["a", "1a"], bad: ["a.b", "a-", ""] },
    { name: "a label of RFC 1035", rule: names.dnsLabel1035, good: ["a-1"], bad: ["1a", "a.b"] },
    { name: "a wildcard domain", rule: names.wildcardSubdomain, good: ["*.a.b"], bad: ["*", "*.*.a", "a.*"] },
    { name: "a search domain", rule: names.underscoreSubdomain, good: ["_a.b_c.d"], bad: ["a_", "__a"] },
    { name: "a qualified name", rule: names.qualifiedName, good: ["a", "x.y/A_b"], bad: ["/a", "a/", "a/b/c", "X/y"] },
    { name: "a label value", rule: names.validLabelValue, good: ["", "A.b"], bad: ["-a", "a b"] },
    { name: "a path segment", rule: names.pathSegment, good: ["system:a", "A B"], bad: [".", "..", "a/b", "a%"] },
    { name: "a port name", rule: names.portName, good: ["http", "h-2"], bad: ["", "80", "a--b", "-a", "Http"] },
    { name: "an environment name", rule: names.environmentName, good: ["A", "1 x"], bad: ["", "a=b", "é"] },
    { name: "a config key", rule: names.configMapKey, good: ["a.b", "..a".slice(1)], bad: ["", "..", "..a", "a/b"] },
    { name: "a percentage", rule: names.percentage, good: ["0%", "120%"], bad: ["%", "5", "-1%"] },
    { name: "a header name", rule: names.httpHeaderName, good: ["X-A"], bad: ["X_A", ""] },
    {
      name: "an address",
      rule: names.ipAddress,
      good: ["10.0.0.1", "::1", "010.1.1.1"],
      bad: ["10.0.0.256", "fe80::1%eth0", ""],
    },
    {
      name: "a network",
      rule: names.cidr,
      good: ["10.0.0.0/8", "fd00::/64"],
      bad: ["10.0.0.0", "10.0.0.0/33", "::/129"],
    },
    {
      name: "a domain with a path",
      rule: names.domainPrefixedPath,
      good: ["acme.io/foo"],
      bad: ["acme.io/", "/x", "acme.io/ "],
    },
  ])("$name", ({ rule, good, bad }) => {
    for (const value of good) expect(rule(value), value).toEqual([]);
    for (const value of bad) expect(rule(value), value).not.toEqual([]);
  });
});

describe("what is said of a wrong name", () => {
  test.each([
    { name: "a subdomain's form", said: names.dnsSubdomain("Bad_Name"), text: [subdomainText] },
    {
      name: "length before form",
      said: names.dnsSubdomain("a".repeat(254)),
      text: ["must be no more than 253 characters"],
    },
    { name: "dots in a label", said: names.dnsLabel("a.b"), text: ["must not contain dots"] },
    { name: "a key's empty prefix", said: names.qualifiedName("/x"), text: ["prefix part must be non-empty"] },
    { name: "a key's name", said: names.qualifiedName("a b"), text: [nameText] },
    { name: "a key's prefix", said: names.qualifiedName("A/x"), text: [`prefix part ${subdomainText}`] },
    { name: "a key without name", said: names.qualifiedName("a/"), text: ["name part must be non-empty", nameText] },
    { name: "a port out of range", said: names.portNumber(0), text: ["must be between 1 and 65535, inclusive"] },
    { name: "dots as a path", said: names.pathSegment(".."), text: ["may not be '..'"] },
  ])("$name", ({ said, text }) => expect(said).toEqual(text));

  test("what a name is generated from may end in a dash", () => {
    expect(names.generateNameRule(names.dnsLabel)("web-")).toEqual([]);
    expect(names.generateNameRule(names.dnsLabel)("-web-")).not.toEqual([]);
  });
});
