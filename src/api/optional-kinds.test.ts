import { describe, expect, test } from "vitest";
import { kinds } from "./kinds.ts";
import { servedKinds } from "./optional-kinds.ts";

const names = (switches: Parameters<typeof servedKinds>[1]) =>
  servedKinds(kinds, switches)
    .filter((kind) => !kinds.includes(kind))
    .map(({ plural, apiVersion, declaration }) => [
      plural,
      ...(declaration.unserved ? [] : [apiVersion]),
      ...Object.keys(declaration.versions ?? {}),
    ]);

describe("kinds that are off by default", () => {
  test("without switches what is served is what every cluster has", () => {
    expect(servedKinds(kinds, {})).toBe(kinds);
    expect(names({ gates: { MutatingAdmissionPolicy: true, ClusterTrustBundle: true } })).toEqual([]);
  });

  test("a version that is switched on is served, and no other", () => {
    expect(names({ runtime: { "admissionregistration.k8s.io/v1beta1": true } })).toEqual([
      ["mutatingadmissionpolicies", "admissionregistration.k8s.io/v1beta1"],
      ["mutatingadmissionpolicybindings", "admissionregistration.k8s.io/v1beta1"],
    ]);
    expect(names({ runtime: { "admissionregistration.k8s.io/v1alpha1": true } })).toContainEqual([
      "mutatingadmissionpolicies",
      "admissionregistration.k8s.io/v1alpha1",
    ]);
  });

  test("trust bundles need their feature gate as well", () => {
    const runtime = { "certificates.k8s.io/v1beta1/clustertrustbundles": true };
    expect(names({ runtime })).toEqual([]);
    expect(names({ runtime, gates: { ClusterTrustBundle: true } })).toEqual([
      ["clustertrustbundles", "certificates.k8s.io/v1beta1"],
    ]);
  });

  test("the most particular switch decides", () => {
    const runtime = { "api/all": true, "api/alpha": false, "admissionregistration.k8s.io/v1beta1": false };
    const gates = { ClusterTrustBundle: true };
    expect(names({ runtime, gates })).toContainEqual(["clustertrustbundles", "certificates.k8s.io/v1beta1"]);
    expect(names({ runtime, gates }).flat()).not.toContain("mutatingadmissionpolicies");
  });

  test("all gates of a stage are switched at once, but for those that are named", () => {
    const runtime = { "api/beta": true };
    const bundles = ["clustertrustbundles", "certificates.k8s.io/v1beta1"];
    expect(names({ runtime, gates: { AllBeta: true } })).toContainEqual(bundles);
    expect(names({ runtime, gates: { AllBeta: true, ClusterTrustBundle: false } })).not.toContainEqual(bundles);
    expect(names({ runtime, gates: { AllAlpha: true } })).not.toContainEqual(bundles);
  });

  test("a version of any kind can be switched off", () => {
    const served = servedKinds(kinds, { runtime: { "batch/v1beta1": false } });
    const cronJob = served.find(({ plural }) => plural === "cronjobs");
    expect(Object.keys(cronJob?.declaration.versions ?? {})).not.toContain("batch/v1beta1");
  });

  test("switches of what there is not are refused by name", () => {
    expect(() => servedKinds(kinds, { runtime: { "example.com/v1": true } })).toThrow(
      "unknown api groups example.com/v1",
    );
    expect(() => servedKinds(kinds, { gates: { NoSuchGate: true } })).toThrow("unrecognized feature gate: NoSuchGate");
  });
});
