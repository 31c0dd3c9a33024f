import { configMap, deployment } from "../tools/objects.ts";
import { story } from "../tools/story.ts";

/** What the editor does the first time it is opened, the second, and so on; each time it keeps what it was shown. */
const turns = [
  "true",
  "sed -i 's/x: .*/x: two/' $1",
  "sed -i 's/x: .*/x: three/' $1",
  "sed -i 's/replicas: 1/replicas: -1/' $1",
  "true",
  "sed -i 's/replicas: 1/replicas: -1/' $1",
  "sed -i 's/replicas: -1/replicas: 3/' $1",
  "sed -i 's/name: a/name: z/' $1",
  "sed -i 's/^data:/datax:/' $1",
  'sed -i \'s/"x": "two"/"x": "four"/\' $1',
  ": > $1",
  "true",
  "sed -i 's/x: .*/x: five/' $1",
  "sed -i 's/x: .*/x: six/' $1",
  "sed -i 's/namespace: .*/namespace: foo/' $1",
  "exit 3",
];

const editor = `n=$(($(cat turn 2>/dev/null || echo 0) + 1))
echo $n > turn
{ echo "data:"; sed 's/^/  /' $1; } > shown.txt
case $n in
${turns.map((turn, at) => `${at + 1}) ${turn} ;;`).join("\n")}
esac
`;

/** `kubectl edit` */
export const editStories = [
  story({
    name: "edit",
    objects: [configMap("a"), configMap("b"), deployment("web", 1)],
    env: { EDITOR: "sh editor.sh" },
    files: { "editor.sh": editor },
    steps: [
      "edit",
      "edit cm nope",
      "edit cm nope a",
      "edit cm a -o name",
      "edit cm a",
      "edit cm a",
      "edit cm a b",
      "create cm shown-list --from-file=shown.txt -o yaml",
      "edit deploy web",
      "create cm shown-fault --from-file=shown.txt -o yaml",
      "edit deploy web",
      "edit cm a",
      "edit cm a",
      "edit cm a -o json",
      "create cm shown-json --from-file=shown.txt -o yaml",
      "edit cm a",
      "edit cm/a --output-patch",
      "edit cm/a --windows-line-endings",
      "edit cm a",
      "edit cm a",
      "create cm shown --from-file=shown.txt -o yaml",
      "get cm -o custom-columns=N:.metadata.name,D:.data.x",
      "get deploy web",
    ],
  }),
];
