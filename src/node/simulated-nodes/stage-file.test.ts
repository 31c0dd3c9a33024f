import { describe, expect, test } from "vitest";
import type { Pod } from "../../api/generated/core-v1.ts";
import { readStages } from "./stage-file.ts";

const stage = (spec: string, name = "s") =>
  `apiVersion: kwok.x-k8s.io/v1alpha1\nkind: Stage\nmetadata: {name: ${name}}\nspec:\n  resourceRef: {apiGroup: v1, kind: Pod}\n${spec.replaceAll(/^/gm, "  ")}\n`;
const pod = (more: object = {}, metadata: object = {}) =>
  ({
    metadata: { name: "p", namespace: "default", uid: "u", ...metadata },
    spec: { containers: [] },
    ...more,
  }) as unknown as Pod;
const selects = (expressions: string, object: Pod) =>
  readStages(stage(`next: {delete: true}\nselector:\n  matchExpressions: ${expressions}`))[0]!.selects(object);

describe("whom a stage concerns", () => {
  test.each([
    { name: "a field that is there", expression: `[{key: .status.phase, operator: Exists}]`, is: true },
    {
      name: "a field that is not there",
      expression: `[{key: .metadata.deletionTimestamp, operator: Exists}]`,
      is: false,
    },
    {
      name: "a field that must not be there",
      expression: `[{key: .metadata.deletionTimestamp, operator: DoesNotExist}]`,
      is: true,
    },
    {
      name: "one of several values",
      expression: `[{key: .status.phase, operator: In, values: [Pending, Running]}]`,
      is: true,
    },
    {
      name: "none of several values",
      expression: `[{key: .status.phase, operator: NotIn, values: [Running]}]`,
      is: false,
    },
    {
      name: "a quoted name",
      expression: `[{key: '.metadata.labels["a.b/c"]', operator: In, values: ["1"]}]`,
      is: true,
    },
    {
      name: "an element chosen by its value",
      expression: `[{key: '.status.conditions.[] | select( .type == "Ready" ) | .status', operator: In, values: ["True"]}]`,
      is: true,
    },
    {
      name: "elements that are not of a value",
      expression: `[{key: '.status.conditions[] | select(.type != "Ready")', operator: Exists}]`,
      is: false,
    },
    {
      name: "a number in a list",
      expression: `[{key: '.status.containerStatuses[0].restartCount', operator: In, values: ["2"]}]`,
      is: true,
    },
    { name: "the form of later versions", expression: `[{jq: {key: .status.phase, operator: Exists}}]`, is: true },
    {
      name: "all of several expressions",
      expression: `[{key: .status.phase, operator: Exists}, {key: .nothing, operator: Exists}]`,
      is: false,
    },
  ])("$name", ({ expression, is }) => {
    const object = pod(
      {
        status: {
          phase: "Running",
          conditions: [{ type: "Ready", status: "True" }],
          containerStatuses: [{ restartCount: 2 }],
        },
      },
      { labels: { "a.b/c": "1" } },
    );
    expect(selects(expression, object)).toBe(is);
  });

  test("labels and annotations are compared whole", () => {
    const [read] = readStages(
      stage("selector: {matchLabels: {app: web}, matchAnnotations: {tier: front}}\nnext: {delete: true}"),
    );
    expect(read!.selects(pod({}, { labels: { app: "web" }, annotations: { tier: "front" } }))).toBe(true);
    expect(read!.selects(pod({}, { labels: { app: "web" } }))).toBe(false);
  });
});

test("a status template writes YAML from the pod, with KWOK's functions", () => {
  const [read] = readStages(
    stage(`next:
  statusTemplate: |
    {{ $now := Now }}
    phase: Running
    startTime: {{ $now | Quote }}
    hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
    podIP: {{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) | Quote }}
    containerStatuses:
    {{ range .spec.containers }}
    - name: {{ .name | Quote }}
      {{ with .resources }}
      resources:
      {{ YAML . 2 }}
      {{ end }}
      restartCount: {{ default 0 ( index ( or $.metadata.annotations dict ) "restarts" ) }}
    {{ end }}`),
  );
  const spec = { nodeName: "n", containers: [{ name: "c", resources: { requests: { cpu: "1" } } }] };
  const moment = {
    now: Date.UTC(2026, 0, 2),
    started: 0,
    version: "v1",
    node: "n",
    addresses: () => ["10.0.0.7", "fd00::7"],
  };
  expect(read!.status!(pod({ spec }), moment)).toEqual({
    phase: "Running",
    startTime: "2026-01-02T00:00:00Z",
    podIP: "10.0.0.7",
    podIPs: [{ ip: "10.0.0.7" }, { ip: "fd00::7" }],
    containerStatuses: [{ name: "c", resources: { requests: { cpu: "1" } }, restartCount: 0 }],
  });
});

test("what a template writes must be an object", () => {
  const [read] = readStages(stage("next: {statusTemplate: '- {{ .metadata.name }}'}"));
  const moment = { now: 0, started: 0, version: "v1", node: "n", addresses: () => [] };
  expect(() => read!.status!(pod(), moment)).toThrow("stage s: statusTemplate: it writes no object");
});

test.each([
  ["", "there is no Stage in it"],
  ["kind: Pod\napiVersion: v1\n", 'document 1.apiVersion: must be kwok.x-k8s.io/v1alpha1, not "v1"'],
  [stage("nxt: {}\nnext: {}"), "stage s: spec.nxt: unknown field; did you mean next?"],
  [stage("selector: {}"), "stage s: spec.next: is needed"],
  [stage("next: {delete: yes please}"), "stage s: spec.next.delete: must be true or false"],
  [
    stage("next: {event: {type: Bad, reason: R}}"),
    'stage s: spec.next.event.type: must be Normal or Warning, not "Bad"',
  ],
  [stage("next: {finalizers: {empty: true}}"), "stage s: spec.next.finalizers: is not supported here"],
  [
    stage("delay: {durationMilliseconds: -1}\nnext: {}"),
    "stage s: spec.delay.durationMilliseconds: must be a whole number, 0 or more",
  ],
  [stage("weight: 1.5\nnext: {}"), "stage s: spec.weight: must be a whole number, 0 or more"],
  [
    stage("delay: {durationFrom: {expressionFrom: '.a ! b'}}\nnext: {}"),
    `stage s: spec.delay.durationFrom.expressionFrom: cannot read ".a ! b" from character 3 on`,
  ],
  [
    stage("next: {}\nselector: {matchExpressions: [{key: .a, operator: Is}]}"),
    'stage s: spec.selector.matchExpressions[0].operator: must be In or NotIn or Exists or DoesNotExist, not "Is"',
  ],
  [
    stage("next: {}\nselector: {matchExpressions: [{key: .a, operator: In}]}"),
    "stage s: spec.selector.matchExpressions[0].values: is needed",
  ],
  [
    stage("next: {}\nselector: {matchExpressions: [{key: .a, operator: Exists, values: [b]}]}"),
    "stage s: spec.selector.matchExpressions[0].values: has no place with Exists",
  ],
  [
    stage("next: {}\nselector: {matchExpressions: [{key: '.a | select(.b)', operator: Exists}]}"),
    'cannot read ".a | select(.b)" from character 15 on',
  ],
  [
    stage("next: {statusTemplate: '{{ Nwo }}'}"),
    'stage s: spec.next.statusTemplate: template: s:1: function "Nwo" not defined',
  ],
  [
    stage("steps: [{delete: {}}]\nnext: {}"),
    "stage s: spec.steps: is not supported here; say what happens in spec.next",
  ],
  [`${stage("next: {}")}---\n${stage("next: {}")}`, "stage s: there are two of that name"],
])("what cannot be a stage is refused with its place: %#", (text, complaint) => {
  expect(() => readStages(text)).toThrow(complaint);
});

test("a resource other than pods is refused", () => {
  expect(() => readStages(stage("next: {}").replace("kind: Pod}", "kind: Node}"))).toThrow(
    'stage s: spec.resourceRef.kind: must be Pod, not "Node"',
  );
});
