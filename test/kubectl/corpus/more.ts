import { configMap, deployment, pod } from "../tools/objects.ts";
import { story } from "../tools/story.ts";
import { deletedFrom } from "../tools/versions.ts";

/** logs and replace. */
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
];
