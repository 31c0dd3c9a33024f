import { describe, expect, it } from "vitest";
import { ValidatingWebhookConfiguration } from "./admissionregistration/validating-webhook-configuration.ts";
import { CustomResourceDefinition } from "./apiextensions/custom-resource-definition.ts";
import { HorizontalPodAutoscaler } from "./autoscaling/horizontal-pod-autoscaler.ts";
import { CertificateSigningRequest } from "./certificates/certificate-signing-request.ts";
import { created, faultsOf, faultsOfChange, received, row } from "./kind-fixture.ts";
import { Ingress } from "./networking/ingress.ts";
import { NetworkPolicy } from "./networking/network-policy.ts";
import { PodDisruptionBudget } from "./policy/pod-disruption-budget.ts";
import { Role } from "./rbac/role.ts";
import { RoleBinding } from "./rbac/role-binding.ts";
import { PriorityClass } from "./scheduling/priority-class.ts";
import { StorageClass } from "./storage/storage-class.ts";

describe("an autoscaler", () => {
  const scaleTargetRef = { kind: "Deployment", name: "d" };

  it("aims at four fifths of the processor unless it says otherwise", () => {
    const { spec } = received(HorizontalPodAutoscaler, { spec: { maxReplicas: 3, scaleTargetRef } });
    expect(spec.minReplicas).toBe(1);
    expect(spec.metrics).toEqual([
      { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
    ]);
  });

  it.each([
    [
      { minReplicas: 5, maxReplicas: 2, scaleTargetRef },
      ["spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"],
    ],
    [
      { maxReplicas: 0, scaleTargetRef: { kind: "a/b", name: "" } },
      [
        "spec.maxReplicas: Invalid value: 0: must be greater than 0",
        "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
        "spec.scaleTargetRef.kind: Invalid value: \"a/b\": may not contain '/'",
        "spec.scaleTargetRef.name: Required value",
      ],
    ],
  ])("has bounds in order and something to scale", (spec, faults) => {
    expect(faultsOf(HorizontalPodAutoscaler, { spec })).toEqual(faults);
  });

  it("says all that it knows in its first version too, by annotation", () => {
    const mapping = HorizontalPodAutoscaler.declaration.versions?.["autoscaling/v1"];
    const memory = {
      type: "Resource",
      resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } },
    };
    const cpu = {
      type: "Resource",
      resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
    };
    const stored = received(HorizontalPodAutoscaler, {
      spec: { maxReplicas: 3, scaleTargetRef, metrics: [cpu, memory], behavior: { scaleDown: {} } },
    });
    const served = mapping?.fromStored(stored);
    expect(served).toMatchObject({ apiVersion: "autoscaling/v1", spec: { targetCPUUtilizationPercentage: 50 } });
    expect(served && mapping?.toStored(served)).toEqual(stored);
  });
});

describe("an ingress", () => {
  const service = { name: "s", port: { number: 80 } };

  it.each([
    ["nothing to route", {}, ["spec: Invalid value: []: either `defaultBackend` or `rules` must be specified"]],
    [
      "an address for a host",
      { rules: [{ host: "1.2.3.4" }] },
      ['spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'],
    ],
    [
      "a path that does not say how it matches",
      { rules: [{ http: { paths: [{ path: "/", backend: { service } }] } }] },
      ["spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"],
    ],
    [
      "a port that is none",
      { defaultBackend: { service: { name: "s", port: {} } } },
      ["spec.defaultBackend: Required value: port name or number is required"],
    ],
  ])("with %s is refused", (_what, spec, faults) => {
    expect(faultsOf(Ingress, { spec })).toEqual(faults);
  });

  it("of an older version finds its way back", () => {
    const mapping = Ingress.declaration.versions?.["extensions/v1beta1"];
    const old = {
      ...received(Ingress, {}),
      apiVersion: "extensions/v1beta1",
      spec: {
        backend: { serviceName: "s", servicePort: 80 },
        rules: [{ host: "a.com", http: { paths: [{ path: "/", backend: { serviceName: "t", servicePort: "web" } }] } }],
      },
    } as never;
    const defaulted = mapping?.defaults?.(old);
    const stored = defaulted && mapping?.toStored(defaulted);
    expect(stored).toMatchObject({
      spec: {
        defaultBackend: { service },
        rules: [
          {
            http: {
              paths: [
                { pathType: "ImplementationSpecific", backend: { service: { name: "t", port: { name: "web" } } } },
              ],
            },
          },
        ],
      },
    });
    expect(stored && mapping?.fromStored(stored)).toEqual(defaulted);
  });
});

describe("a network policy", () => {
  it("is about what comes in, and about what goes out when it says so", () => {
    expect(received(NetworkPolicy, { spec: { ingress: [{ ports: [{ port: 80 }] }] } }).spec).toMatchObject({
      policyTypes: ["Ingress"],
      ingress: [{ ports: [{ port: 80, protocol: "TCP" }] }],
    });
    expect(received(NetworkPolicy, { spec: { egress: [{}] } }).spec.policyTypes).toEqual(["Ingress", "Egress"]);
  });

  it("names peers one way at a time, and ranges within ranges", () => {
    const from = [{ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/16", "10.1.0.0/16"] }, podSelector: {} }, {}];
    expect(faultsOf(NetworkPolicy, { spec: { ingress: [{ from }] } })).toEqual([
      'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
      "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer",
      "spec.ingress[0].from[1]: Required value: must specify a peer",
    ]);
  });
});

describe("a disruption budget", () => {
  it("says how many must stay or how many may go, not both", () => {
    expect(faultsOf(PodDisruptionBudget, { spec: { minAvailable: 1, maxUnavailable: "120%" } })).toEqual([
      'spec: Invalid value: {"minAvailable":1,"maxUnavailable":"120%"}: minAvailable and maxUnavailable cannot be both set',
      'spec.maxUnavailable: Invalid value: "120%": must not be greater than 100%',
    ]);
  });
});

describe("rights", () => {
  it("in a namespace are complete, and not about paths", () => {
    expect(faultsOf(Role, { rules: [{ resources: ["pods"] }, { nonResourceURLs: ["/x"], verbs: ["get"] }] })).toEqual([
      "rules[0].verbs: Required value: verbs must contain at least one value",
      "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
      'rules[1].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    ]);
  });

  it("once bound stay bound to the same role", () => {
    const bound = (name: string) => ({ roleRef: { kind: "Role", name }, subjects: [{ kind: "User", name: "u" }] });
    expect(received(RoleBinding, bound("a")).subjects?.[0]?.apiGroup).toBe("rbac.authorization.k8s.io");
    expect(faultsOfChange(RoleBinding, bound("a"), bound("b"))).toEqual([
      'roleRef: Invalid value: {"kind":"Role","name":"b","apiGroup":"rbac.authorization.k8s.io"}: cannot change roleRef',
    ]);
  });
});

describe("a priority", () => {
  it("of the system's height or name is the system's alone", () => {
    expect(faultsOf(PriorityClass, { value: 2_000_000_000 })).toEqual([
      "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
    ]);
    expect(faultsOf(PriorityClass, { metadata: { name: "system-mine" }, value: 1 })).toEqual([
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
    ]);
    expect(faultsOf(PriorityClass, { metadata: { name: "system-node-critical" }, value: 2_000_001_000 })).toEqual([]);
  });
});

describe("a storage class", () => {
  it("that is the default one says so in its name", () => {
    const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
    const storageClass = received(StorageClass, { metadata: { name: "s", annotations }, provisioner: "a/b" });
    expect(row(StorageClass, storageClass)).toMatchObject({ Name: "s (default)", ReclaimPolicy: "Delete" });
  });

  it("keeps what volumes were made with", () => {
    expect(faultsOfChange(StorageClass, { provisioner: "a/b" }, { provisioner: "a/c" })).toEqual([
      "provisioner: Forbidden: updates to provisioner are forbidden.",
    ]);
  });
});

describe("a certificate request", () => {
  const request = Buffer.from(
    "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n",
  ).toString("base64");

  it("names a signer and what the certificate is for", () => {
    expect(
      faultsOf(CertificateSigningRequest, { spec: { request, signerName: "example.com/s", usages: ["client auth"] } }),
    ).toEqual([]);
    expect(faultsOf(CertificateSigningRequest, { spec: { request, signerName: "x", usages: [] } })).toEqual([
      "spec.usages: Required value: usages must be specified",
      "spec.signerName: Invalid value: \"x\": must be a fully qualified domain and path of the form 'example.com/signer-name'",
    ]);
  });

  it("cannot be approved and denied", () => {
    const made = created(CertificateSigningRequest, {
      spec: { request, signerName: "example.com/s", usages: ["any"] },
    });
    const conditions = (["Approved", "Denied"] as const).map((type) => ({ type, status: "True" as const }));
    expect(CertificateSigningRequest.declaration.validate?.({ ...made, status: { conditions } })).toMatchObject([
      { message: 'Invalid value: "Denied": Approved and Denied conditions are mutually exclusive' },
    ]);
  });
});

describe("a webhook", () => {
  const webhook = {
    name: "a.example.com",
    rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
    clientConfig: { service: { namespace: "x", name: "y" } },
  };

  it("is asked on port 443, for ten seconds, and its silence is a no", () => {
    const { webhooks } = received(ValidatingWebhookConfiguration, { webhooks: [webhook] });
    expect(webhooks?.[0]).toMatchObject({
      failurePolicy: "Fail",
      matchPolicy: "Equivalent",
      timeoutSeconds: 10,
      clientConfig: { service: { port: 443 } },
      rules: [{ scope: "*" }],
    });
  });

  it.each([
    [
      { name: "short" },
      'webhooks[0].name: Invalid value: "short": should be a domain with at least three segments separated by dots',
    ],
    [{ clientConfig: {} }, "webhooks[0].clientConfig: Required value: exactly one of url or service is required"],
    [
      { clientConfig: { url: "http://insecure/x" } },
      "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
    ],
    [
      { timeoutSeconds: 31 },
      "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
    ],
    [
      { admissionReviewVersions: ["v9"] },
      'webhooks[0].admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
    ],
  ])("is refused with %j", (more, fault) => {
    expect(faultsOf(ValidatingWebhookConfiguration, { webhooks: [{ ...webhook, ...more }] })).toEqual([fault]);
  });
});

describe("a definition", () => {
  const definition = (schema: object | undefined, more: object = {}) => ({
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget" },
      versions: [
        { name: "v1", served: true, storage: true, ...(schema ? { schema: { openAPIV3Schema: schema } } : {}) },
      ],
      ...more,
    },
  });
  const at = "spec.validation.openAPIV3Schema";
  const object = (properties: object) => ({ type: "object", properties });

  it("gets its other names, and remembers the version that is stored", () => {
    const made = created(CustomResourceDefinition, definition({ type: "object" }));
    expect(made.spec.names).toMatchObject({ singular: "widget", listKind: "WidgetList" });
    expect(made.spec.conversion).toEqual({ strategy: "None" });
    expect(made.status?.storedVersions).toEqual(["v1"]);
  });

  it.each([
    ["nothing wrong", object({ a: { type: "string" }, b: { type: "array", items: { type: "integer" } } }), []],
    ["no schema", undefined, ["spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"]],
    ["no type at the root", {}, [`${at}.type: Required value: must not be empty at the root`]],
    [
      "no type of a field",
      object({ a: {} }),
      [`${at}.properties[a].type: Required value: must not be empty for specified object fields`],
    ],
    [
      "a list of nothing",
      object({ b: { type: "array" } }),
      [`${at}.properties[b].items: Required value: must be specified`],
    ],
    [
      "a type below a choice",
      object({ spec: { type: "object", anyOf: [{ properties: { x: { type: "string" } } }] } }),
      [`${at}.properties[spec].anyOf[0].properties[x].type: Forbidden: must be empty to be structural`],
    ],
    [
      "a field that is only narrowed",
      object({ spec: { type: "object", anyOf: [{ properties: { x: { minLength: 1 } } }] } }),
      [
        `${at}.properties[spec].properties[x]: Required value: because it is defined in ${at}.properties[spec].anyOf[0].properties[x]`,
      ],
    ],
    [
      "a default of another type",
      object({ a: { type: "integer", default: "x" } }),
      [`${at}.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"`],
    ],
    [
      "a default with more in it than is known",
      object({ b: { type: "object", properties: { c: { type: "string" } }, default: { d: 1 } } }),
      [`${at}.properties[b].default: Invalid value: {"d":1}: must not have unknown fields`],
    ],
  ])("with %s", (_what, schema, faults) => {
    expect(faultsOf(CustomResourceDefinition, definition(schema))).toEqual(faults);
  });

  it("stores one version, and is named after what it defines", () => {
    const versions = [{ name: "v1", served: true, storage: false, schema: { openAPIV3Schema: { type: "object" } } }];
    const sketch = { ...definition(undefined, { versions }), metadata: { name: "wrong.name" } };
    const [name, storage, stored] = faultsOf(CustomResourceDefinition, sketch);
    expect(name).toBe('metadata.name: Invalid value: "wrong.name": must be spec.names.plural+"."+spec.group');
    expect(storage).toContain("must have exactly one version marked as storage version");
    expect(stored).toBe("status.storedVersions: Invalid value: []: must have at least one stored version");
  });
});
