import { expect, test } from "vitest";
import { nameServersOf } from "./name-servers.ts";

test("stub domains and servers for the rest are read, with ports and of both families", () => {
  const data = {
    stubDomains: '{"Acme.local.": ["192.0.2.1", "192.0.2.2:5353"], "six.test": ["2001:db8::1", "[2001:db8::2]:54"]}',
    upstreamNameservers: '["198.51.100.53"]',
  };
  expect(nameServersOf({ data })).toEqual({
    upstreams: [{ address: "198.51.100.53", port: 53 }],
    stubDomains: {
      "acme.local": [
        { address: "192.0.2.1", port: 53 },
        { address: "192.0.2.2", port: 5353 },
      ],
      "six.test": [
        { address: "2001:db8::1", port: 53 },
        { address: "2001:db8::2", port: 54 },
      ],
    },
    faults: [],
  });
});

test.each([
  ["nothing", {}, 0],
  ["empty texts", { stubDomains: "", upstreamNameservers: " " }, 0],
  ["what is not JSON", { stubDomains: "{" }, 1],
  ["a list instead of a map", { stubDomains: "[]" }, 1],
  ["names instead of addresses", { upstreamNameservers: '["dns.example", "192.0.2.1:0"]' }, 2],
  ["a text instead of a list", { stubDomains: '{"acme.local": "192.0.2.1"}' }, 1],
])("%s says nothing, and each fault is told", (_, data, count) => {
  const { faults, ...said } = nameServersOf({ data });
  expect(said).toEqual({ stubDomains: {} });
  expect(faults).toHaveLength(count);
});
