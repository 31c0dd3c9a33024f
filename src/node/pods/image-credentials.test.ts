import { expect, test } from "vitest";
import type { Secret } from "../../api/generated/core-v1.ts";
import { credentialsFor } from "./image-credentials.ts";

const secret = (auths: object, form: ".dockerconfigjson" | ".dockercfg" = ".dockerconfigjson"): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name: "s",
    namespace: "default",
    uid: "s",
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
  },
  data: { [form]: Buffer.from(JSON.stringify(form === ".dockercfg" ? auths : { auths })).toString("base64") },
});
const jane = { username: "jane", password: "pw" };

test.each([
  ["of the same host", "quay.io", "quay.io/team/app:1", 1],
  ["of the same host and port", "localhost:5000", "localhost:5000/app", 1],
  ["of another port", "localhost:5000", "localhost:5001/app", 0],
  ["of Docker Hub in its old form", "https://index.docker.io/v1/", "nginx", 1],
  ["of a path", "quay.io/team", "quay.io/team/app@sha256:0", 1],
  ["of another path", "quay.io/other", "quay.io/team/app", 0],
  ["of hosts by a pattern", "*.example.com", "eu.example.com/app", 1],
  ["of a pattern that is too short", "*.example.com", "a.b.example.com/app", 0],
])("credentials %s", (_, server, image, count) => {
  expect(credentialsFor(image, [secret({ [server]: jane })])).toHaveLength(count);
});

test("the closest match comes first, and both forms are read", () => {
  const found = credentialsFor("quay.io/team/app", [
    secret({ "quay.io": { username: "all" } }, ".dockercfg"),
    secret({ "quay.io/team": { username: "team" } }),
  ]);
  expect(found.map(({ username }) => username)).toEqual(["team", "all"]);
});

test("a secret that makes no sense holds nothing", () => {
  const broken = { ...secret({}), data: { ".dockerconfigjson": Buffer.from("{").toString("base64") } };
  expect(credentialsFor("nginx", [broken])).toEqual([]);
});
