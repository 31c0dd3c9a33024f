import { describe, expect, test } from "vitest";
import { allLibraries, compileCel, toJson } from "../cel.ts";

function evaluate(source: string): unknown {
  const compiled = compileCel(source, { variables: {}, libraries: allLibraries });
  if (!compiled.ok) return { compile: compiled.errors[0]?.message };
  const result = compiled.program.evaluate({}, { costLimit: 1_000_000 });
  return result.ok ? toJson(result.value) : { error: result.error };
}

type Row = readonly [string, unknown];

function table(name: string, rows: readonly Row[]): void {
  describe(name, () => {
    test.each(rows)("%s", (source, expected) => expect(evaluate(source)).toEqual(expected));
  });
}

table("strings", [
  ["'tacocat'.charAt(3)", "o"],
  ["'hello'.indexOf('l')", 2],
  ["'hello'.lastIndexOf('l')", 3],
  ["'Hello, WORLD'.lowerAscii()", "hello, world"],
  ["'a,b,c'.split(',', 2)", ["a", "b,c"]],
  ["['x', 'y'].join('-')", "x-y"],
  ["'  a b\\n'.trim()", "a b"],
  ["'hello hello'.replace('he', 'we', 1)", "wello hello"],
  ["'ab'.replace('', '-')", "-a-b-"],
  ["'tacocat'.substring(0, 9)", { error: "index out of range: 9" }],
  ["'%s is %d, %.2f, %x'.format(['it', 7, 2.5, 255])", "it is 7, 2.50, ff"],
  ["strings.quote('a\"b')", '"a\\"b"'],
]);

table("lists", [
  ["[1, 2, 2].isSorted() && ![2, 1].isSorted()", true],
  ["[1.5, 2.5].sum()", 4],
  ["dyn([1u, 2u]).sum() == 3u", true],
  ["[3, 1, 2].min() + [3, 1, 2].max()", 4],
  ["dyn([]).min()", { error: "min called on empty list" }],
  ["['a', 'b', 'a'].lastIndexOf('a') - ['a', 'b'].indexOf('b')", 1],
  ["[1, 2, 3, 4].slice(1, 3)", [2, 3]],
  ["[1].slice(0, 4)", { error: "cannot slice(0, 4), list is length 1" }],
  ["[[1], [2, 3]].flatten()", [1, 2, 3]],
  ["['b', 'a'].sort()", ["a", "b"]],
  ["[{'n': 2}, {'n': 1}].sortBy(e, e.n).map(e, e.n)", [1, 2]],
  ["[1, 2, 1].distinct()", [1, 2]],
  ["[1, 2].reverse()", [2, 1]],
  ["lists.range(3)", [0, 1, 2]],
  ["[1, 2].first().value() + [1, 2].last().orValue(0)", 3],
]);

table("sets", [
  ["sets.contains([1, 2, 3], [2])", true],
  ["sets.equivalent([1, 2, 2], [2, 1])", true],
  ["sets.intersects([1], [2, 3])", false],
]);

table("math", [
  ["math.greatest(1, 2.5, 3u)", 3],
  ["math.least([4, 2])", 2],
  ["math.round(-2.5)", -3],
  ["math.bitShiftRight(-1, 60)", 15],
  ["math.abs(-9223372036854775808)", { error: "integer overflow" }],
]);

table("patterns", [
  ["'abc 123'.find('[0-9]+')", "123"],
  ["'123 abc 456'.findAll('[0-9]*')", ["123", "", "", "", "", "456"]],
  ["'1 2 3'.findAll('[0-9]', 2)", ["1", "2"]],
  ["'a'.matches('a{1001}')", { compile: "invalid matches argument" }],
]);

table("URLs", [
  ["url('https://user@[::1]:80/a b?k=1&k=2&e').getHostname()", "::1"],
  ["url('https://[::1]:80/').getHost()", "[::1]:80"],
  ["url('https://example.com:8080/a%20b').getPort()", "8080"],
  ["url('https://example.com/with space/').getEscapedPath()", "/with%20space/"],
  ["url('https://example.com/?k=a&k=b%20c').getQuery()", { k: ["a", "b c"] }],
  ["url('/absolute/path').getScheme()", ""],
  ["isURL('https://a:80:80/') || isURL('../relative') || isURL('mailto:a')", false],
]);

table("quantities", [
  ["quantity('1.5Gi').asInteger()", 1_610_612_736],
  ["quantity('200M').compareTo(quantity('0.2G'))", 0],
  ["quantity('50Mi').isGreaterThan(quantity('50M'))", true],
  ["quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')", true],
  ["quantity('100m').isInteger()", false],
  ["quantity('9999999999999999999999999999999999999G').asInteger()", { error: "cannot convert value to integer" }],
  ["isQuantity('200K') || isQuantity('Mi') || isQuantity('1,3G')", false],
  ["quantity('-1e3').sign()", -1],
]);

table("addresses", [
  ["ip('::ffff') == ip('0:0:0:0:0:0:0:ffff')", true],
  ["string(ip('2001:DB8:0:0:1:0:0:1'))", "2001:db8::1:0:0:1"],
  ["ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')", true],
  ["isIP('192.168.0.256') || isIP('::ffff:1.2.3.4') || isIP('fe80::1%eth0')", false],
  ["ip('127.0.0.1').isLoopback() && ip('fe80::1').isLinkLocalUnicast() && ip('8.8.8.8').isGlobalUnicast()", true],
  [
    "ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast()",
    true,
  ],
  ["cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24')", true],
  ["cidr('192.168.0.0/24').containsIP('192.168.1.1')", false],
  ["string(cidr('192.168.0.1/24').masked())", "192.168.0.0/24"],
  ["cidr('::1/128').ip().family() + cidr('10.0.0.0/8').prefixLength()", 14],
  ["isCIDR('192.168.0.0/33') || isCIDR('10.0.0.0')", false],
]);

table("formats", [
  ["format.dns1123Label().validate('my-label').hasValue()", false],
  ["format.dns1123Label().validate('-')", [expect.stringContaining("a lowercase RFC 1123 label must consist of")]],
  ["format.dns1123LabelPrefix().validate('my-').hasValue()", false],
  ["format.qualifiedName().validate('example.com/my.name').hasValue()", false],
  ["format.qualifiedName().validate('a/b/c').hasValue()", true],
  ["format.named('uuid').value().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()", false],
  ["format.named('nope').hasValue()", false],
  ["format.date().validate('2021-02-30').value()", ["invalid date"]],
  ["format.byte().validate('a').value()", ["invalid base64"]],
]);

table("versions", [
  ["semver('1.2.3').compareTo(semver('1.10.0'))", -1],
  ["semver('1.0.0-alpha.1').isLessThan(semver('1.0.0'))", true],
  ["semver('v1.0', true) == semver('1.0.0')", true],
  ["isSemver('1.0') || isSemver('v1.0.0') || isSemver('01.0.0')", false],
  ["semver('1.2.3').major() + semver('1.2.3').patch()", 4],
]);

table("optionals and loops over two variables", [
  ["{'a': 1}.?b.orValue(2)", 2],
  ["{'a': {'b': 1}}.?a.b.value()", 1],
  ["[1, 2][?5].hasValue()", false],
  ["optional.of(3).optMap(v, v + 1).value()", 4],
  ["optional.ofNonZeroValue('').hasValue()", false],
  ["[?optional.none(), 1]", [1]],
  ["{?'k': optional.of(1)}", { k: 1 }],
  ["[10, 20].all(i, v, v == (i + 1) * 10)", true],
  ["{'a': 1, 'b': 2}.existsOne(k, v, v == 2)", true],
  ["[1, 2, 3].transformList(i, v, i > 0, v * 2)", [4, 6]],
  ["{'a': 1}.transformMap(k, v, v + 1)", { a: 2 }],
  ["['x', 'y'].transformMapEntry(i, v, {v: i})", { x: 0, y: 1 }],
  ["['x', 'x'].transformMapEntry(i, v, {v: i})", { error: "insert failed: key x already exists" }],
]);
