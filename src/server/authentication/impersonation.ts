import type { IncomingHttpHeaders } from "node:http";
import { StatusError } from "../../machinery/status-error.ts";
import type { AuthorizationRequest } from "../authorization/authorizer.ts";
import type { UserInfo } from "../exchange.ts";
import { extraOf, headerValues } from "./client-certificates.ts";

/** An answer in plain text, as upstream gives for requests that it cannot make sense of. */
export class PlainError extends StatusError {
  readonly text: string;

  constructor(code: number, text: string) {
    super("", text, { code });
    this.text = text;
  }
}

const extraPrefix = "impersonate-extra-";

/**
 * The user that the headers ask to act as, or undefined when they ask for none. `require` throws when the real user may
 * not; every name, group and extra is asked for by itself.
 */
export function impersonate(
  user: UserInfo,
  headers: IncomingHttpHeaders,
  path: string,
  require: (request: AuthorizationRequest) => void,
): UserInfo | undefined {
  const name = one(headers["impersonate-user"]);
  const groups = headerValues(headers["impersonate-group"]);
  const uid = one(headers["impersonate-uid"]);
  const extra = extraOf(headers, extraPrefix);
  if (name === undefined) {
    if (groups.length === 0 && uid === undefined && Object.keys(extra).length === 0) return undefined;
    const asked = [
      ...groups.map((group) => `{Group  ${group}    }`),
      ...(uid ? [`{UID  ${uid} authentication.k8s.io/v1   }`] : []),
      ...Object.entries(extra).flatMap(([key, values]) =>
        values.map((value) => `{UserExtra  ${value} authentication.k8s.io/v1  ${key} }`),
      ),
    ];
    const text = `Internal Server Error: ${JSON.stringify(path)}: requested [${asked.join(" ")}] without impersonating a user\n`;
    throw new PlainError(500, text);
  }

  const ask = (resource: string, value: string, more: Partial<AuthorizationRequest> = {}) =>
    require({
      user,
      isResource: true,
      verb: "impersonate",
      group: "",
      version: "",
      resource,
      name: value,
      namespace: "",
      subresource: "",
      path: "",
      ...more,
    });
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  const [, namespace = "", accountName = ""] = account ?? [];
  if (account) ask("serviceaccounts", accountName, { namespace });
  else ask("users", name);
  for (const group of groups) ask("groups", group);
  if (uid !== undefined) ask("uids", uid, { group: "authentication.k8s.io", version: "v1" });
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values)
      ask("userextras", value, { group: "authentication.k8s.io", version: "v1", subresource: key });
  }

  const own =
    account && groups.length === 0 ? ["system:serviceaccounts", `system:serviceaccounts:${namespace}`] : groups;
  const standing = name === "system:anonymous" ? "system:unauthenticated" : "system:authenticated";
  const all = own.includes(standing) ? own : [...own, standing];
  return {
    name,
    groups: all,
    ...(uid === undefined ? {} : { uid }),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

const one = (value: string | readonly string[] | undefined): string | undefined =>
  value === undefined ? undefined : [value].flat()[0];
