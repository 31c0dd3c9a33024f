import { expect, test } from "vitest";
import { ingressSettings } from "./ingress-settings.ts";

test("without flags, Ingresses are served on the usual ports, and requests are not logged", () => {
  expect(ingressSettings({})).toEqual({ httpPort: 80, httpsPort: 443, accessLog: false });
});

test("flags choose the ports and the log", () => {
  const flags = { "ingress-http-port": "8080", "ingress-https-port": "8443", "ingress-access-log": "true" };
  expect(ingressSettings(flags)).toEqual({ httpPort: 8080, httpsPort: 8443, accessLog: true });
});

test.each([
  [{ "ingress-http-port": "0" }, "--ingress-http-port 0 is no port"],
  [{ "ingress-https-port": "http" }, "--ingress-https-port http is no port"],
  [{ "ingress-http-port": "443" }, "are the same"],
  [{ "ingress-access-log": "yes" }, "neither true nor false"],
])("%o is refused", (flags, why) => {
  expect(() => ingressSettings(flags)).toThrow(why);
});
