import { expect } from "vitest";
import { configMap, deployment, pod } from "../tools/objects.ts";
import type { Ended } from "../tools/programs.ts";
import { story } from "../tools/story.ts";
import { deletedFrom } from "../tools/versions.ts";

const tempNames = (line: string) => ({
  line,
  differs: {
    why: "folders that diff names have names of chance, and their times",
    instead: (reference: Ended) => ({
      ...reference,
      stdout: expect.stringMatching(sameBut(reference.stdout)) as string,
    }),
  },
});

/** The reference's text with anything in the place of temporary folders and times. */
function sameBut(text: string): RegExp {
  const quoted = text
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replace(/(LIVE|MERGED)-\w+/g, "$1-\\w+")
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\\\.\d+ \\\+0000/g, ".*");
  return new RegExp(`^${quoted}$`);
}

/** logs, replace and diff. */
export const logAndReplaceStories = [
  story({
    name: "logs",
    objects: [pod("p", { app: "p" }), configMap("conf"), deployment("web")],
    steps: [
      "logs",
      "logs none",
      "logs p -c nope",
      "logs p --since=5s --since-time=2020-01-01T00:00:00Z",
      "logs p --since-time=x",
      "logs p --tail=-2",
      "logs p --limit-bytes=-1",
      "logs p --since=-1s",
      "logs -l app=none",
      "logs p -l app=p",
      "logs p a b",
      "logs p --all-containers -c x",
      "logs cm/conf",
      "logs deploy/none",
      "logs deploy/web --pod-running-timeout=100ms",
      "logs p",
      "logs p/q/r",
    ],
  }),
  story({
    name: "replace",
    objects: [configMap("a"), configMap("b")],
    files: {
      "a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '2'}\n",
      "none.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: none}\n",
      "both.yaml":
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nope}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
    },
    steps: [
      "replace",
      "replace foo",
      "replace -f nope",
      "replace -f a.yaml",
      "replace -f a.yaml -o name",
      "replace -f a.yaml --dry-run=client",
      "replace -f a.yaml --dry-run=server",
      "replace -f none.yaml",
      "replace -f both.yaml",
      "replace -f a.yaml --grace-period=5",
      "replace -f a.yaml --timeout=5s",
      deletedFrom("replace -f a.yaml --force"),
      "replace -f none.yaml --force",
      "get cm -o yaml",
    ],
  }),
  story({
    name: "diff",
    objects: [deployment("web")],
    files: {
      "a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1'}\n",
      "a2.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '2'}\n",
      "none.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: none}\n",
      "secret1.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: '1', b: '1'}\n",
      "secret2.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: '2', b: '1'}\n",
      "bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: UP}\n",
    },
    env: { KUBECTL_EXTERNAL_DIFF: "diff -r -U 1 -N" },
    steps: [
      "diff",
      "diff -f nope",
      "diff -f a.yaml foo",
      "apply -f a.yaml",
      "diff -f a.yaml",
      tempNames("diff -f a.yaml --prune --prune-allowlist=core/v1/ConfigMap"),
      tempNames("diff -f none.yaml --prune --prune-allowlist=core/v1/ConfigMap"),
      "diff -f a.yaml --prune --prune-allowlist=x",
      tempNames("diff -f a2.yaml"),
      tempNames("diff -f a2.yaml --server-side --force-conflicts"),
      tempNames("diff -f none.yaml"),
      "create -f secret1.yaml --save-config",
      tempNames("diff -f secret2.yaml"),
      "diff -f bad.yaml",
    ],
  }),
];
