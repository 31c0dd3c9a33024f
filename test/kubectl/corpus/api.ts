import { story } from "../tools/story.ts";

type Printed = { readonly code: number; readonly stdout: string; readonly stderr: string };

const ownVersion = {
  why: "ours is 1.35, two releases newer, and within the skew that its server allows",
  instead: (reference: Printed) => ({
    ...reference,
    stdout: reference.stdout
      .replace("Client Version: v1.32.3", "Client Version: v1.35.0")
      .replace("Kustomize Version: v5.5.0", "Kustomize Version: v5.7.1"),
    stderr: reference.stderr.replace(/^WARNING: version difference.*\n/, ""),
  }),
};

/** What the server serves, and versions. */
export const apiStories = [
  story({
    name: "api-resources, api-versions, version",
    steps: [
      "api-resources",
      "api-resources -o wide",
      "api-resources -o name",
      "api-resources --no-headers --sort-by=kind",
      "api-resources --sort-by=name",
      "api-resources --sort-by=x",
      "api-resources --api-group=apps",
      "api-resources --api-group=",
      "api-resources --namespaced=false",
      "api-resources --namespaced",
      "api-resources --verbs=list,create --categories=all",
      "api-resources --verbs=none",
      "api-resources --cached",
      "api-resources x",
      "api-resources -o x",
      "api-versions",
      "api-versions x",
      { line: "version", differs: ownVersion },
      { line: "version --client", differs: ownVersion },
      "version -o x",
      "version x",
    ],
  }),
];
