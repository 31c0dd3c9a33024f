import { story } from "../tools/story.ts";

/** The frame around every command: flags, unknown words, kubeconfig. */
export const globalStories = [
  story({
    name: "command lines that cannot be read",
    steps: [
      "get --foo",
      "get -x",
      "get -o",
      "get -n",
      "foo",
      "gett",
      "get pods --output-watch-events",
      "get --watch=maybe pods",
      "get pods --chunk-size=x",
      "--foo",
      "get",
      {
        line: "get pods -o nonsense",
        differs: {
          why: "1.35 prints KYAML too",
          instead: (reference) => ({
            ...reference,
            stderr: reference.stderr.replace("jsonpath-file,name", "jsonpath-file,kyaml,name"),
          }),
        },
      },
      "get pods --context nope",
      "get pods --cluster nope",
      "get pods --user nope",
      "get pods --kubeconfig /nope",
      "get pods --request-timeout=abc",
    ],
  }),
];
