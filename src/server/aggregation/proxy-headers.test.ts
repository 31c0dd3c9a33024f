import { expect, test } from "vitest";
import { aggregatedHeaders, withheldHeaders } from "./proxy-headers.ts";

const proxy = { clientCa: "", usernameHeaders: ["X-Who"], groupHeaders: ["X-Of"], extraHeaderPrefixes: ["X-More-"] };
const headers = { "x-who": "root", "x-of": "system:masters", "x-more-a": "1", "x-remote-user": "root", accept: "a/b" };

test("no client's header goes through by which a front proxy would say who somebody is", () => {
  const user = { name: "alice", groups: [] };
  expect(aggregatedHeaders({ headers, user, host: "h", proxy })).toEqual({
    accept: "a/b",
    "x-remote-user": "alice",
    host: "h",
  });
  expect(withheldHeaders(headers, proxy)).toEqual({
    "x-who": null,
    "x-of": null,
    "x-more-a": null,
    "x-remote-user": null,
  });
});
