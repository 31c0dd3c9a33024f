import { expect, test } from "vitest";
import { hostOf } from "./hosts.ts";
import { plainPath } from "./paths.ts";

test.each([
  ["/a/b", "/a/b"],
  ["/a/b/", "/a/b/"],
  ["/%61dmin", "/admin"],
  ["/a%2Fb", "/a%2Fb"],
  ["/public/../admin", "/admin"],
  ["/public/%2e%2e/admin", "/admin"],
  ["/a//b", "/a/b"],
  ["/a/./b/.", "/a/b/"],
  ["/../..", "/"],
  ["/.well-known/x", "/.well-known/x"],
  ["*", "/"],
])("the path %s is held against rules as %s", (path, plain) => {
  expect(plainPath(path)).toBe(plain);
});

test.each([
  ["Example.COM:8080", "example.com"],
  ["example.com.", "example.com"],
  ["[::1]:80", "[::1]"],
  ["", ""],
  ["a b", undefined],
  ['x"><script>', undefined],
  ["a.com/path", undefined],
])("the host of %s", (authority, host) => {
  expect(hostOf(authority)).toBe(host);
});
