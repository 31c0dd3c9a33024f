import { expect, test } from "vitest";
import { ValidatingAdmissionPolicy } from "../../../api/admissionregistration/validating-admission-policy.ts";
import { openServerFixture } from "../../server-fixture.ts";

const policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const rule = { apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"], operations: ["*"] };
const policy = (name: string, ...expressions: readonly string[]) => ({
  metadata: { name },
  spec: {
    matchConstraints: { resourceRules: [rule] },
    validations: expressions.map((expression) => ({ expression })),
  },
});

test("a policy's status tells where its expressions do not fit the types that it is about", async () => {
  await using fixture = await openServerFixture();
  await fixture.make([policies, policy("typed", "object.spec.replicas <= 5", "object.spec.replica <= 5")]);
  const { cache, resource } = fixture.server.registry.of(ValidatingAdmissionPolicy);
  const statusOf = () =>
    (cache.get(resource.key(undefined, "typed"))?.object.status ?? {}) as { readonly typeChecking?: object };
  await new Promise<void>((resolve) => {
    const check = () => {
      if (statusOf().typeChecking) resolve();
    };
    cache.subscribe({}, () => queueMicrotask(check));
    check();
  });
  expect(statusOf()).toMatchObject({
    observedGeneration: 1,
    typeChecking: {
      expressionWarnings: [
        {
          fieldRef: "spec.validations[1].expression",
          warning: expect.stringMatching(/^apps\/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replica'/),
        },
      ],
    },
  });
});
