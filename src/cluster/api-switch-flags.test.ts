import { expect, test } from "vitest";
import { switchesFromFlags } from "./api-switch-flags.ts";

test("feature gates and switches of APIs are read as upstream writes them", () => {
  const flags = {
    "feature-gates": "MutatingAdmissionPolicy=true, ClusterTrustBundle=false",
    "runtime-config": "admissionregistration.k8s.io/v1beta1,api/alpha=false",
  };
  expect(switchesFromFlags(flags)).toEqual({
    gates: { MutatingAdmissionPolicy: true, ClusterTrustBundle: false },
    runtime: { "admissionregistration.k8s.io/v1beta1": true, "api/alpha": false },
  });
  expect(switchesFromFlags({})).toEqual({ gates: {}, runtime: {} });
});

test("a gate without a value, and a value that is neither true nor false, are refused", () => {
  expect(() => switchesFromFlags({ "feature-gates": "ClusterTrustBundle" })).toThrow("feature-gates takes name=true");
  expect(() => switchesFromFlags({ "runtime-config": "api/beta=yes" })).toThrow("runtime-config takes name=true");
});
