import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, test } from "vitest";
import { readImageSpecs } from "../src/images/catalogue.ts";

const here = import.meta.dirname;
const places = [join(here, "guestbook", "images"), join(here, "images")];

describe("the examples' images", () => {
  test("every file that a specification copies is there", async () => {
    const specs = await readImageSpecs(places);
    expect(specs.length).toBeGreaterThan(0);
    const copied = specs.flatMap((spec) => spec.files.flatMap((file) => ("copy" in file ? [file.copy] : [])));
    expect(copied.filter((file) => !existsSync(file))).toEqual([]);
  });

  test("every module that a copied program imports is copied beside it", async () => {
    for (const spec of await readImageSpecs(places)) {
      const programs = spec.files.flatMap((file) => ("copy" in file && file.copy.endsWith(".ts") ? [file] : []));
      for (const { copy, path } of programs) {
        const imports = [...readFileSync(copy, "utf8").matchAll(/from "\.\/([^"]+)"/g)].map((match) => match[1]!);
        const folder = path.slice(0, path.lastIndexOf("/"));
        expect(spec.files.map((file) => file.path)).toEqual(
          expect.arrayContaining(imports.map((name) => `${folder}/${name}`)),
        );
      }
    }
  });
});

describe("the guestbook's manifests", () => {
  const files = readdirSync(join(here, "guestbook"))
    .filter((name) => name.endsWith(".yaml"))
    .sort();
  const objects = files.map((name) => load(readFileSync(join(here, "guestbook", name), "utf8")));

  test("are what the walk-through of 2016 creates, each service after its pods", () => {
    expect(objects).toMatchObject([
      { kind: "ReplicationController", metadata: { name: "redis-master" }, spec: { replicas: 1 } },
      { kind: "Service", metadata: { name: "redis-master" } },
      { kind: "ReplicationController", metadata: { name: "redis-slave" }, spec: { replicas: 2 } },
      { kind: "Service", metadata: { name: "redis-slave" } },
      {
        kind: "ReplicationController",
        metadata: { name: "guestbook", labels: { app: "guestbook" } },
        spec: { replicas: 3 },
      },
      { kind: "Service", metadata: { name: "guestbook" }, spec: { type: "LoadBalancer", ports: [{ port: 3000 }] } },
    ]);
  });

  test("use only images that are built here", async () => {
    const names = (await readImageSpecs(places)).map((spec) => spec.name);
    const used = [...JSON.stringify(objects).matchAll(/"image":"([^"]+)"/g)].map((match) => match[1]!);
    expect(used).toHaveLength(3);
    expect(names).toEqual(expect.arrayContaining(used));
  });
});
