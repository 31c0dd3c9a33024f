/** Whether a path without its query is meant. */
export type PathMatcher = (path: string) => boolean;

export interface PathRule {
  readonly matcher: PathMatcher;
  /** What precedence goes by: the longer path first, and of equally long ones the exact one. */
  readonly length: number;
  readonly exact: boolean;
}

/**
 * How a rule's path matches. A prefix is one of whole segments, and a slash at its end means nothing; paths of type
 * ImplementationSpecific are prefixes, also written `/path/*`.
 */
export function pathRule(path: string | undefined, pathType: string | undefined): PathRule {
  const given = path || "/";
  if (pathType === "Exact") return { matcher: (asked) => asked === given, length: given.length, exact: true };
  const whole = pathType === "Prefix" ? given : given.replace(/\/\*$/, "/");
  const prefix = whole.endsWith("/") ? whole.slice(0, -1) : whole;
  const matcher: PathMatcher =
    prefix === "" ? () => true : (asked) => asked.startsWith(prefix) && (asked[prefix.length] ?? "/") === "/";
  return { matcher, length: prefix.length === 0 ? 1 : prefix.length, exact: false };
}

/** Sorts rules by precedence; equal ones keep their order. */
export function byPrecedence(one: PathRule, other: PathRule): number {
  return other.length - one.length || Number(other.exact) - Number(one.exact);
}

const unreserved = /^[A-Za-z0-9._~-]$/;

/**
 * The path that rules are held against: what could be written without escapes is, dot segments are resolved, and slashes in
 * a row are one, so that no rule can be gone around by writing its path differently. Back ends get the path as it came.
 */
export function plainPath(path: string): string {
  if (!path.startsWith("/")) return "/";
  let plain = path;
  if (plain.includes("%")) {
    plain = plain.replace(/%([0-9A-Fa-f]{2})/g, (escaped, digits: string) => {
      const character = String.fromCharCode(Number.parseInt(digits, 16));
      return unreserved.test(character) ? character : escaped;
    });
  }
  if (!plain.includes("//") && !plain.includes("/.")) return plain;
  const resolved: string[] = [];
  const segments = plain.split("/");
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === "..") resolved.pop();
    else if (segment !== "." && segment !== "") resolved.push(segment);
    if (last && (segment === "." || segment === ".." || segment === "") && resolved.length > 0) resolved.push("");
  }
  return `/${resolved.join("/")}`;
}
