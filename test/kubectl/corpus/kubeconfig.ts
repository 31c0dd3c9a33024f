import { story } from "../tools/story.ts";

const server = "https://127.0.0.1:1";
const config = (cluster: string, user: string, more = "") => `apiVersion: v1
kind: Config
current-context: one
contexts:
- {name: one, context: {cluster: c, user: u}}
clusters:
- {name: c, cluster: {server: "${server}"${cluster}}}
users:
- {name: u, user: {${user}}}
${more}`;
const exec = (more: string, user = "") =>
  config("", `${user}exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, ${more}}`);
/** A plug-in that prints this. */
const prints = (answer: string) => exec(`command: sh, args: [-c, 'cat ${answer}']`);
const base64 = (text: string) => Buffer.from(text).toString("base64");
const credential = (status: object, more: object = {}) =>
  JSON.stringify({ kind: "ExecCredential", apiVersion: "client.authentication.k8s.io/v1", ...more, status });

const broken = {
  "kind.yaml": "apiVersion: v1\nkind: Pod\n",
  "version.yaml": "apiVersion: v2\nkind: Config\n",
  "syntax.yaml": "a: b: c",
  "text.yaml": "hello",
  "list.yaml": "[]",
  "clusters.yaml": "clusters: x\n",
  "cluster.yaml": "clusters: [x]\n",
  "server.yaml": "clusters: [{name: a, cluster: {server: 1}}]\n",
  "name.yaml": "contexts: [{name: y}]\n",
  "insecure.yaml": "clusters: [{name: a, cluster: {insecure-skip-tls-verify: 'yes'}}]\n",
  "groups.yaml": "users: [{name: a, user: {as-groups: [1]}}]\n",
  "extra.yaml": "users: [{name: a, user: {as-user-extra: {a: [true]}}}]\n",
  "env.yaml": "users: [{name: a, user: {exec: {env: {A: b}}}}]\n",
  "base64.yaml": "clusters: [{name: a, cluster: {certificate-authority-data: '%%'}}]\n",
};

const unusable = {
  "ca-missing.yaml": config(", certificate-authority: nope.crt", "token: a"),
  "ca-twice.yaml": config(`, certificate-authority: ca.crt, certificate-authority-data: ${base64("x")}`, "token: a"),
  "ca-insecure.yaml": config(", certificate-authority: ca.crt, insecure-skip-tls-verify: true", "token: a"),
  "ca-garbage.yaml": config(`, certificate-authority-data: ${base64("x")}`, "token: a"),
  "cert-missing.yaml": config("", "client-certificate: nope.crt, client-key: nope.key"),
  "cert-alone.yaml": config("", "client-certificate: ca.crt"),
  "cert-garbage.yaml": config("", `client-certificate-data: ${base64("x")}, client-key-data: ${base64("y")}`),
  "cert-twice.yaml": config(
    "",
    `client-certificate: ca.crt, client-certificate-data: ${base64("x")}, client-key: nope`,
  ),
  "token-missing.yaml": config("", "tokenFile: nope"),
  "two-ways.yaml": config("", "token: a, username: b, password: c"),
  "groups.yaml": config("", "token: a, as-groups: [g]"),
  "uid.yaml": config("", "token: a, as-uid: u"),
  "extra.yaml": config("", "token: a, as-user-extra: {k: [v]}"),
  "nobody.yaml": config("", ""),
  "gcp.yaml": config("", "auth-provider: {name: gcp}"),
  "azure.yaml": config("", "auth-provider: {name: azure}"),
  "other.yaml": config("", "auth-provider: {name: other}"),
};

const plugins = {
  "command.yaml": exec("args: []"),
  "version.yaml": config("", "exec: {command: sh, interactiveMode: Never}"),
  "old.yaml": config(
    "",
    "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: sh, interactiveMode: Never}",
  ),
  "mode.yaml": config("", "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh}"),
  "odd-mode.yaml": exec("command: sh").replace("Never", "Sometimes"),
  "always.yaml": exec("command: sh").replace("Never", "Always"),
  "env.yaml": exec("command: sh, env: [{name: '', value: a}]"),
  "provider.yaml": exec("command: sh", "auth-provider: {name: oidc}, "),
  "fails.yaml": exec("command: sh, args: [-c, 'echo sorry >&2; exit 3']"),
  "dies.yaml": exec("command: sh, args: [-c, 'kill -9 $$']"),
  "absent.yaml": exec("command: no-such-plugin, installHint: 'Install\\n it.'"),
  "absent-path.yaml": exec("command: ./no-such-plugin, installHint: Install it."),
  "forbidden.yaml": exec("command: ./ca.crt"),
  "nothing.yaml": prints("ca.crt"),
  "text.yaml": prints("text.out"),
  "empty.yaml": prints("empty.out"),
  "kind.yaml": prints("kind.out"),
  "beta.yaml": prints("beta.out"),
  "status.yaml": prints("status.out"),
  "none.yaml": prints("none.out"),
  "half.yaml": prints("half.out"),
  "pem.yaml": prints("pem.out"),
  "time.yaml": prints("time.out"),
  "ca.crt": "",
  "text.out": "hello",
  "empty.out": "{}",
  "kind.out": credential({ token: "a" }, { kind: "Foo" }),
  "beta.out": credential({ token: "a" }, { apiVersion: "client.authentication.k8s.io/v1beta1" }),
  "status.out": '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}',
  "none.out": credential({}),
  "half.out": credential({ clientCertificateData: "x" }),
  "pem.out": credential({ clientCertificateData: "x", clientKeyData: "y" }),
  "time.out": credential({ token: "a", expirationTimestamp: "soon" }),
};

const first = config(", certificate-authority: ca.crt", "token: first", "extensions: []\n");
const second = first
  .replaceAll("name: one", "name: two")
  .replace("current-context: one", "current-context: two")
  .replace("token: first", "token: second")
  .replace("cluster: c,", "namespace: shop, cluster: c,");

const asks = (files: Readonly<Record<string, string>>) =>
  Object.keys(files)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => `get --raw /api --kubeconfig ${name}`);

/** Kubeconfigs: what they are read as, and what is wrong with those that cannot be used. */
export const kubeconfigStories = [
  story({ name: "kubeconfigs that cannot be read", files: broken, steps: asks(broken) }),
  story({
    name: "kubeconfigs that cannot be used",
    files: { ...unusable, "ca.crt": "CA" },
    steps: [
      ...asks(unusable),
      "get --raw /api --kubeconfig groups.yaml --as-uid=u",
      "get --raw /api --kubeconfig ca-garbage.yaml --as-group=g",
      "get --raw /api --kubeconfig ca-missing.yaml --insecure-skip-tls-verify --certificate-authority=ca.crt",
      "get --raw /api --kubeconfig two-ways.yaml --token=x --username=y",
      { line: "get --raw /api --kubeconfig nobody.yaml", input: "\n jo x\n" },
    ],
  }),
  story({ name: "credential plug-ins that give nothing", files: plugins, steps: asks(plugins) }),
  story({
    name: "kubeconfigs merged",
    env: { KUBECONFIG: "first.yaml:none.yaml:sub/second.yaml" },
    files: { "first.yaml": first, "sub/second.yaml": second, "ca.crt": "CA", "sub/ca.crt": "SUB" },
    steps: [
      "config view --raw",
      "config view --minify --flatten --raw",
      "config view --minify --context=two",
      "config get-contexts",
      "config current-context",
      "config use-context two",
      "config current-context",
      "config set-context two --namespace=other",
      "config view --kubeconfig=sub/second.yaml --raw",
      "config delete-context one",
      "config view --raw",
    ],
  }),
];
