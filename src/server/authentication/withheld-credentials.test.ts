import { expect, test } from "vitest";
import { withheldCredentials } from "./authenticator.ts";

const token = "base64url.bearer.authorization.k8s.io.dG9rZW4";

test.each([
  ["a header", { authorization: "Bearer token" }, { authorization: null }],
  ["the only protocol", { "sec-websocket-protocol": token }, { authorization: null, "sec-websocket-protocol": null }],
  [
    "one of the protocols",
    { "sec-websocket-protocol": `v5.channel.k8s.io, ${token}` },
    { authorization: null, "sec-websocket-protocol": "v5.channel.k8s.io" },
  ],
])("a token in %s does not go on to pods, nodes and other servers", (_, headers, withheld) => {
  expect(withheldCredentials(headers)).toEqual(withheld);
});
