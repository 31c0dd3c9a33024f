import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { frontProxyFromFlags } from "./front-proxy-flags.ts";

const folder = mkdtempSync(join(tmpdir(), "navarch-front-proxy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(text: string): string {
  const path = join(folder, text);
  writeFileSync(path, text);
  return path;
}

const own = { ca: "OWN", name: "front-proxy-client", client: { cert: "C", key: "K" } };
const given = { "proxy-client-cert-file": file("CERT"), "proxy-client-key-file": file("KEY") };

test("without flags the cluster's own certificate is shown and believed", () => {
  expect(frontProxyFromFlags({}, own)).toEqual({
    frontProxy: { clientCa: "OWN", allowedNames: ["front-proxy-client"] },
    proxyClient: own.client,
  });
});

test("another authority is believed beside the cluster's own as long as its own certificate is shown", () => {
  const flags = { "requestheader-client-ca-file": file("CA"), "requestheader-allowed-names": "dex, gate" };
  expect(frontProxyFromFlags(flags, own).frontProxy).toEqual({
    clientCa: "CA\nOWN",
    allowedNames: ["dex", "gate", "front-proxy-client"],
  });
});

test("with an authority and a certificate from outside the cluster's own mean nothing", () => {
  expect(frontProxyFromFlags({ ...given, "requestheader-client-ca-file": file("CA") }, own)).toEqual({
    frontProxy: { clientCa: "CA", allowedNames: [] },
    proxyClient: { cert: "CERT", key: "KEY" },
  });
});

test("headers other than the usual ones are taken as they are named", () => {
  const flags = {
    "requestheader-username-headers": "X-Remote-User,X-Who",
    "requestheader-group-headers": "X-Of",
    "requestheader-uid-headers": "X-Id",
    "requestheader-extra-headers-prefix": "X-More-",
  };
  expect(frontProxyFromFlags(flags, own).frontProxy).toMatchObject({
    usernameHeaders: ["X-Remote-User", "X-Who"],
    groupHeaders: ["X-Of"],
    uidHeaders: ["X-Id"],
    extraHeaderPrefixes: ["X-More-"],
  });
});

test.each([
  ["a certificate without its key", { "proxy-client-cert-file": "x" }, "must be specified together"],
  ["a header without a name", { "requestheader-group-headers": "X-Of,," }, "empty value in"],
])("%s is refused", (_, flags, why) => {
  expect(() => frontProxyFromFlags(flags, own)).toThrow(why);
});
