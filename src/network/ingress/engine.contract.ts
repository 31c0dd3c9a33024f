import { X509Certificate } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Target } from "../proxy/front.ts";
import type { CertificateText, IngressEngine } from "./engine.ts";
import type { IngressPlan } from "./plan.ts";
import { ingressOf, planFor, planOf, serviceOf, slicesOf, to } from "./testing/objects.ts";

/** An engine with back ends that answer with their own names. */
export interface EngineHarness extends AsyncDisposable {
  readonly engine: IngressEngine;
  /** A back end that answers 200 with its name, or with `dead` an address that refuses connections. */
  backend(name: string, dead?: "dead"): Promise<Target>;
  ask(request: {
    readonly host: string;
    readonly path?: string;
    readonly method?: string;
    readonly secure?: boolean;
  }): Promise<{ readonly status: number; readonly location?: string; readonly name?: string }>;
  /** The subject of the certificate that is shown for a server name, or without one. */
  shown(serverName?: string): Promise<string>;
}

/** Every IngressEngine passes this suite. `certificates` is made of their subjects' common names. */
export function ingressEngineContract(
  name: string,
  open: () => Promise<EngineHarness>,
  certificateOf: (commonName: string) => Promise<CertificateText>,
): void {
  describe(name, () => {
    let harness: EngineHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness[Symbol.asyncDispose]());
    const apply = ({ table }: IngressPlan, certificates: Readonly<Record<string, CertificateText>> = {}) =>
      harness.engine.apply({ table, certificates: new Map(Object.entries(certificates)) });
    const rule = (host: string, path: string, service: string) => ({
      host,
      http: { paths: [{ path, pathType: "Prefix", backend: to(service) }] },
    });

    test("requests go by host and path", async () => {
      const services = { a: [await harness.backend("a")], b: [await harness.backend("b")] };
      apply(
        planFor({ rules: [rule("x.com", "/", "a"), rule("x.com", "/b", "b"), rule("*.y.com", "/", "b")] }, services),
      );
      expect(await harness.ask({ host: "x.com", path: "/b/c?d=/e" })).toMatchObject({ status: 200, name: "b" });
      expect(await harness.ask({ host: "X.com:8080", path: "/bb" })).toMatchObject({ status: 200, name: "a" });
      expect(await harness.ask({ host: "x.com", path: "/a/../b" })).toMatchObject({ status: 200, name: "b" });
      expect(await harness.ask({ host: "z.y.com" })).toMatchObject({ status: 200, name: "b" });
      expect((await harness.ask({ host: "other.com" })).status).toBe(404);
    });

    test("nothing is served before there is a table, and what the next one says counts at once", async () => {
      expect((await harness.ask({ host: "x.com" })).status).toBe(404);
      apply(planFor({ defaultBackend: to("a") }, { a: [await harness.backend("a")] }));
      expect(await harness.ask({ host: "x.com" })).toMatchObject({ status: 200, name: "a" });
      apply(planFor({ defaultBackend: to("b") }, { b: [await harness.backend("b")] }));
      expect(await harness.ask({ host: "x.com" })).toMatchObject({ status: 200, name: "b" });
    });

    test("endpoints take turns", async () => {
      const endpoints = [await harness.backend("one"), await harness.backend("two"), await harness.backend("three")];
      apply(planFor({ defaultBackend: to("a") }, { a: endpoints }));
      const names = new Set<string | undefined>();
      for (let count = 0; count < 3; count++) names.add((await harness.ask({ host: "x.com" })).name);
      expect([...names].sort()).toEqual(["one", "three", "two"]);
    });

    test("an endpoint that refuses connections is passed over, for writing too", async () => {
      const endpoints = [await harness.backend("dead", "dead"), await harness.backend("alive")];
      apply(planFor({ defaultBackend: to("a") }, { a: endpoints }));
      for (const method of ["GET", "POST", "GET", "POST"]) {
        expect(await harness.ask({ host: "x.com", method })).toMatchObject({ status: 200, name: "alive" });
      }
    });

    test("a service that nobody answers for is 503, one that cannot be reached is 502", async () => {
      apply(planFor({ defaultBackend: to("a") }, { a: [] }));
      expect((await harness.ask({ host: "x.com" })).status).toBe(503);
      apply(planFor({ defaultBackend: to("a") }, { a: [await harness.backend("dead", "dead")] }));
      expect((await harness.ask({ host: "x.com" })).status).toBe(502);
    });

    test("hosts with a certificate are sent to HTTPS, by a status that keeps the method of those who write", async () => {
      const tls = [{ hosts: ["x.com"], secretName: "s" }];
      apply(planFor({ defaultBackend: to("a"), tls }, { a: [await harness.backend("a")] }));
      expect(await harness.ask({ host: "x.com", path: "/p?q=1" })).toMatchObject({
        status: 301,
        location: "https://x.com/p?q=1",
      });
      expect((await harness.ask({ host: "x.com", method: "POST" })).status).toBe(308);
      expect(await harness.ask({ host: "x.com", secure: true })).toMatchObject({ status: 200, name: "a" });
      expect(await harness.ask({ host: "y.com" })).toMatchObject({ status: 200, name: "a" });
    });

    test("a host that is none is refused", async () => {
      apply(planFor({ defaultBackend: to("a") }, { a: [await harness.backend("a")] }));
      expect((await harness.ask({ host: "a b" })).status).toBe(400);
    });

    test("the certificate goes by the server's name: exact, wildcard, all; without one the default is shown", async () => {
      const certificates = { "default/one": await certificateOf("one"), "default/wild": await certificateOf("wild") };
      const tls = [
        { hosts: ["a.x.com"], secretName: "one" },
        { hosts: ["*.x.com"], secretName: "wild" },
        { hosts: ["broken.com"], secretName: "broken" },
      ];
      const all = await certificateOf("all");
      apply(planFor({ defaultBackend: to("a"), tls }, { a: [] }), certificates);
      expect(await harness.shown("a.x.com")).toBe("CN=one");
      expect(await harness.shown("b.x.com")).toBe("CN=wild");
      const usual = await harness.shown("broken.com");
      expect(usual).not.toMatch(/one|wild/);
      expect(await harness.shown("other.com")).toBe(usual);
      expect(await harness.shown()).toBe(usual);
      const ingresses = [ingressOf("web", { defaultBackend: to("a"), tls: [...tls, { secretName: "all" }] })];
      apply(planOf({ ingresses, services: [serviceOf("a")] }), { ...certificates, "default/all": all });
      expect(await harness.shown("other.com")).toBe("CN=all");
      expect(await harness.shown()).toBe("CN=all");
    });

    test("the next handshake shows what a Secret holds now", async () => {
      const plan = planFor({ defaultBackend: to("a"), tls: [{ hosts: ["x.com"], secretName: "s" }] }, { a: [] });
      for (const commonName of ["before", "after"]) {
        apply(plan, { "default/s": await certificateOf(commonName) });
        expect(await harness.shown("x.com")).toBe(`CN=${commonName}`);
      }
    });

    test("an endpoint that is ending gets nothing new while another one is ready", async () => {
      const [ending, ready] = [await harness.backend("ending"), await harness.backend("ready")];
      const given = { ingresses: [ingressOf("web", { defaultBackend: to("a") })], services: [serviceOf("a")] };
      apply(planOf({ ...given, slices: slicesOf("a", [ending, ready]) }));
      await harness.ask({ host: "x.com" });
      await harness.ask({ host: "x.com" });
      apply(planOf({ ...given, slices: slicesOf("a", [{ ...ending, ready: false, terminating: true }, ready]) }));
      for (let count = 0; count < 4; count++) expect((await harness.ask({ host: "x.com" })).name).toBe("ready");
    });
  });
}

/** `CN=…` of a PEM certificate. */
export function commonNameOf(cert: string): string {
  return new X509Certificate(cert).subject.split("\n").find((line) => line.startsWith("CN=")) ?? "";
}
