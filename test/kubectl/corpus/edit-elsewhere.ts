import { configMap } from "../tools/objects.ts";
import { story } from "../tools/story.ts";

/** Keeps what it is shown and changes the value of x to what the turn says. */
const editor = (...values: readonly string[]) => `n=$(($(cat turn 2>/dev/null || echo 0) + 1))
echo $n > turn
{ echo "data:"; sed 's/^/  /' $1; } > shown.txt
case $n in
${values.map((value, at) => `${at + 1}) ${value} ;;`).join("\n")}
esac
`;
const becomes = (value: string) => `sed -i 's/x: .*/x: ${value}/' $1`;
const cm = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {x: one}\n`;

/** `kubectl create --edit` and `kubectl apply edit-last-applied` */
export const editElsewhereStories = [
  story({
    name: "create what was edited first",
    env: { EDITOR: "sh editor.sh" },
    files: {
      "editor.sh": editor("true", becomes("two"), becomes("three"), becomes("four"), ": > $1", becomes("five")),
      "a.yaml": cm("a"),
      "two.yaml": `${cm("b")}---\n${cm("c")}`,
    },
    steps: [
      "create --edit",
      "create -f nope --edit",
      "create -f a.yaml --edit",
      "create -f a.yaml --edit",
      "create cm shown --from-file=shown.txt -o jsonpath={.data}",
      "create -f two.yaml --edit -o name",
      "create -f a.yaml --edit",
      "create -f a.yaml --edit --save-config",
      "get cm -o custom-columns=N:.metadata.name,D:.data.x",
    ],
  }),
  story({
    name: "edit what was applied last",
    objects: [configMap("plain")],
    env: { EDITOR: "sh editor.sh" },
    files: {
      "editor.sh": editor("true", becomes("two"), "sed -i 's/one/three/' $1", becomes("four")),
      "a.yaml": cm("a"),
    },
    steps: [
      "apply -f a.yaml",
      "apply edit-last-applied",
      "apply edit-last-applied cm none",
      "apply edit-last-applied cm plain",
      "apply edit-last-applied cm a -o name",
      "apply edit-last-applied cm a",
      "apply edit-last-applied cm/a",
      "create cm shown --from-file=shown.txt -o jsonpath={.data}",
      "apply view-last-applied cm a",
      "apply edit-last-applied cm a -o json",
      "apply edit-last-applied -f a.yaml",
      "apply view-last-applied cm a",
      "get cm a -o jsonpath={.data}",
    ],
  }),
];
