import { bool, duration, int, list, text, type ValuesOf } from "./flag.ts";

/** The flags that every command takes; their help is given by `kubectl options`. */
export const globalFlags = {
  as: text("Acts as this user or service account, if you may."),
  "as-group": list("Acts as a member of this group; may be given several times."),
  "as-uid": text("Acts under this UID."),
  "as-user-extra": list("Acts with this further attribute, as key=value; may be given several times."),
  "cache-dir": text("Where what the server told about itself is kept.", { default: "$HOME/.kube/cache" }),
  "certificate-authority": text("A file of certificates that the server's must descend from."),
  "client-certificate": text("A file with your certificate."),
  "client-key": text("A file with your certificate's key."),
  cluster: text("The cluster of the kubeconfig to talk to."),
  context: text("The context of the kubeconfig to use."),
  "disable-compression": bool("Asks the server not to compress its answers."),
  "insecure-skip-tls-verify": bool(
    "Believes every server. Whoever sits between you and the server can then read and change everything.",
  ),
  kubeconfig: text("The kubeconfig file to use, instead of those that $KUBECONFIG names."),
  kuberc: text("The file of preferences to use, instead of $KUBERC or ~/.kube/kuberc. KUBERC=off: none."),
  "log-flush-frequency": duration("How often the log is written out.", { default: 5000 }),
  "match-server-version": bool("Refuses to talk to a server of another version."),
  namespace: text("The namespace that the command is about.", { short: "n" }),
  password: text("The password of basic authentication."),
  profile: text("Measures the program itself: none, cpu or heap.", { default: "none" }),
  "profile-output": text("The file that measurements are written to.", { default: "profile.pprof" }),
  "request-timeout": text("Gives up a call to the server after so long, as 1s, 2m or 3h; 0 waits for ever.", {
    default: "0",
  }),
  server: text("The address of the API server.", { short: "s" }),
  "tls-server-name": text("The name that the server's certificate must have, if not that of its address."),
  token: text("The bearer token to show to the server."),
  user: text("The user of the kubeconfig to be."),
  username: text("The user name of basic authentication."),
  v: int("How much to tell about what is done: 6 shows calls, 8 their contents.", { short: "v", bits: 32 }),
  vmodule: text("Levels of telling by source file."),
  "warnings-as-errors": bool("Ends with an error if the server warned of something."),
} as const;

export type GlobalFlags = ValuesOf<typeof globalFlags>;
