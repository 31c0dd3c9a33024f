/** What a request is about, read from its method and path alone. */
export type RequestInfo = ResourceRequest | PathRequest;

/** A request to a path that is no resource: `/version`, `/apis`. */
export interface PathRequest {
  readonly isResource: false;
  readonly path: string;
  /** The method in lower case. */
  readonly verb: string;
  readonly query: URLSearchParams;
}

export interface ResourceRequest {
  readonly isResource: true;
  readonly path: string;
  readonly verb: string;
  readonly query: URLSearchParams;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** `v1`, `apps/v1` */
  readonly apiVersion: string;
  /** Empty when no namespace is named. Of `namespaces` itself it is the object's own name, as upstream has it. */
  readonly namespace: string;
  readonly resource: string;
  /** Empty for a collection, unless a field selector names one object. */
  readonly name: string;
  /** True when the name stands in the path. */
  readonly named: boolean;
  readonly subresource: string;
  /** What follows the subresource in the path, as for `proxy`; no leading slash. */
  readonly rest: string;
}

/** Subresources of a namespace that look like resources within it. */
const namespaceSubresources = new Set(["status", "finalize"]);

const verbs: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** So many request lines are remembered; most come again and again. */
const mostKnown = 512;
const longestKnown = 256;
const known = new Map<string, RequestInfo>();

/** Reads a request line. Never throws: what makes no sense is a path that nobody serves. */
export function requestInfo(method: string, target: string): RequestInfo {
  const mark = target.indexOf("?");
  if (mark >= 0 || target.length > longestKnown) return read(method, target, mark);
  const line = `${method} ${target}`;
  const before = known.get(line);
  if (before) return before;
  if (known.size >= mostKnown) known.clear();
  const info = read(method, target, mark);
  known.set(line, info);
  return info;
}

function read(method: string, target: string, mark: number): RequestInfo {
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? noQuery : new URLSearchParams(target.slice(mark + 1));
  const parts = path.split("/");
  const plain: PathRequest = { isResource: false, path, verb: method.toLowerCase(), query };
  // "/api/v1/pods" splits into "", "api", "v1", "pods"
  const core = parts[1] === "api";
  if (!core && parts[1] !== "apis") return plain;
  const at = core ? 2 : 3;
  const rest = parts.slice(at + 1).map(decode);
  const last = rest.at(-1) === "" ? rest.length - 1 : rest.length;
  if (last < 1 || rest[0] === "" || parts[at] === undefined) return plain;

  const group = core ? "" : (parts[2] ?? "");
  const version = parts[at] ?? "";
  let steps = rest.slice(0, last);
  let verb = verbs[method] ?? "";
  if (steps[0] === "watch" && steps.length > 1 && verb === "get") {
    verb = "watch"; // the older address of a watch
    steps = steps.slice(1);
  }
  const { namespace, resource, name, subresource, consumed } = locate(steps);
  const tail = rest.slice(consumed + (last - steps.length)).join("/");
  const collection = name === "";
  if (collection) verb = collectionVerb(verb, query);
  else if (verb === "get" && isTrue(query.get("watch")) && subresource === "") verb = "watch";
  return {
    isResource: true,
    path,
    verb,
    query,
    group,
    version,
    apiVersion: group === "" ? version : `${group}/${version}`,
    namespace,
    resource,
    name: collection ? nameInSelector(verb, query) : name,
    named: !collection,
    subresource,
    rest: subresource ? tail : "",
  };
}

const noQuery = new URLSearchParams();

interface Place {
  readonly namespace: string;
  readonly resource: string;
  readonly name: string;
  readonly subresource: string;
  /** How many path steps say this. */
  readonly consumed: number;
}

function locate(steps: readonly string[]): Place {
  const [first = "", second = "", third] = steps;
  // The documents of 2016 print `namespace/default/...` too; no resource is called that.
  const named = first === "namespaces" || (first === "namespace" && third && !namespaceSubresources.has(third));
  if (!named || steps.length < 2) return place("", steps, 0);
  if (third === undefined || namespaceSubresources.has(third)) {
    return { namespace: second, resource: first, name: second, subresource: third ?? "", consumed: third ? 3 : 2 };
  }
  return place(second, steps.slice(2), 2);
}

function place(
  namespace: string,
  [resource = "", name = "", subresource = ""]: readonly string[],
  before: number,
): Place {
  const consumed = before + 1 + (name ? 1 : 0) + (subresource ? 1 : 0);
  return { namespace, resource, name, subresource, consumed };
}

function collectionVerb(verb: string, query: URLSearchParams): string {
  if (verb === "get") return isTrue(query.get("watch")) ? "watch" : "list";
  return verb === "delete" ? "deletecollection" : verb;
}

// A list of one named object needs only the right to that object.
function nameInSelector(verb: string, query: URLSearchParams): string {
  if (verb !== "list" && verb !== "watch" && verb !== "deletecollection") return "";
  const selector = query.get("fieldSelector");
  return /^(?:.*,)?metadata\.name={1,2}([^,=]+)(?:,.*)?$/.exec(selector ?? "")?.[1] ?? "";
}

/** A boolean in a query, as Go reads one. */
export function isTrue(text: string | null): boolean {
  return text === "true" || text === "1" || text === "True" || text === "TRUE" || text === "t" || text === "T";
}

function decode(step: string): string {
  if (!step.includes("%")) return step;
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}
