import { ownHelp } from "../tools/own-help.ts";
import { story } from "../tools/story.ts";

const kubeconfig = `apiVersion: v1
kind: Config
current-context: one
clusters:
- name: a
  cluster: {server: "https://1.2.3.4", certificate-authority: ca.crt}
- name: dotted.name
  cluster: {server: "https://5.6.7.8"}
contexts:
- name: one
  context: {cluster: a, user: u, namespace: ns}
- name: two
  context: {cluster: dotted.name, user: v}
users:
- name: u
  user: {token: abc, as: someone}
- name: v
  user: {username: x, password: pw}
- name: w
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, args: [a], interactiveMode: Never}
`;
const files = { config: kubeconfig, "ca.crt": "CA\n" };
const env = { KUBECONFIG: "config" };

/** `kubectl config` */
export const configStories = [
  story({
    name: "config shows",
    files,
    env,
    steps: [
      "config view",
      "config view --raw",
      "config view --minify",
      "config view --minify --context two",
      "config view --flatten",
      "config view --flatten --raw --minify -o json",
      "config view -o json",
      "config view -o jsonpath={.users[0].name}",
      "config view -o name",
      "config view --merge=false",
      "config view --kubeconfig none",
      "config view x",
      "config get-contexts",
      "config get-contexts two",
      "config get-contexts two none",
      "config get-contexts --no-headers",
      "config get-contexts -o name",
      "config get-contexts -o json",
      { line: "config get-clusters", unordered: true },
      { line: "config get-users", unordered: true },
      "config current-context",
      "config nope",
      { line: "config", differs: ownHelp },
    ],
  }),
  story({
    name: "config without a kubeconfig",
    env: { KUBECONFIG: "none" },
    steps: [
      "config view",
      "config view --minify",
      "config get-contexts",
      "config get-clusters",
      "config current-context",
      "config set-context --current --namespace x",
      "config unset current-context",
      "config set-cluster first --server https://1/",
      "config view",
    ],
  }),
  story({
    name: "config changes contexts",
    files,
    env,
    steps: [
      "config use-context two",
      "config current-context",
      "config use-context none",
      { line: "config use-context", differs: ownHelp },
      { line: "config use-context a b", differs: ownHelp },
      "config set-context two --namespace other",
      "config set-context three --cluster a --user u",
      "config set-context --current --user w",
      "config set-context",
      "config set-context two --current",
      { line: "config set-context a b", differs: ownHelp },
      "config rename-context one first",
      "config rename-context one first",
      "config rename-context first two",
      { line: "config rename-context one", differs: ownHelp },
      "config get-contexts",
      "config delete-context three",
      "config delete-context two",
      "config delete-context two",
      { line: "config delete-context", differs: ownHelp },
      "config view --raw",
    ],
  }),
  story({
    name: "config changes clusters",
    files,
    env,
    steps: [
      "config set-cluster b",
      "config set-cluster b --server=https://b/ --proxy-url=http://p --tls-server-name=t --insecure-skip-tls-verify",
      "config set-cluster a --certificate-authority=ca.crt --embed-certs",
      "config set-cluster a --embed-certs",
      "config set-cluster a --certificate-authority=none --embed-certs",
      "config set-cluster b --certificate-authority=ca.crt",
      "config set-cluster a --insecure-skip-tls-verify --certificate-authority=ca.crt",
      { line: "config set-cluster", differs: ownHelp },
      "config delete-cluster dotted.name",
      "config delete-cluster dotted.name",
      "config view --raw",
      "config set-cluster a --insecure-skip-tls-verify",
      "config view",
    ],
  }),
  story({
    name: "config changes users",
    files,
    env,
    steps: [
      "config set-credentials u --username n",
      "config set-credentials v --token t",
      "config set-credentials x --token t --username n",
      "config set-credentials x --embed-certs",
      "config set-credentials x --client-certificate=ca.crt --client-key=ca.crt --embed-certs",
      "config set-credentials y --client-certificate=ca.crt --client-key=ca.crt",
      "config set-credentials z --exec-command=foo --exec-api-version=client.authentication.k8s.io/v1 --exec-arg=a --exec-arg=b,c --exec-env=K=V --exec-env=L=W",
      "config set-credentials z --exec-env=K-",
      "config set-credentials p --auth-provider=oidc --auth-provider-arg=client-id=foo --auth-provider-arg=client-secret=bar",
      "config set-credentials p --auth-provider-arg=client-secret-",
      { line: "config set-credentials", differs: ownHelp },
      "config delete-user w",
      "config delete-user w",
      "config delete-user",
      "config view --raw",
    ],
  }),
  story({
    name: "config sets and unsets values",
    files,
    env,
    steps: [
      "config set clusters.a.server https://5",
      "config set clusters.dotted.name.server https://6",
      "config set clusters.new.insecure-skip-tls-verify true",
      "config set clusters.new.insecure-skip-tls-verify maybe",
      "config set users.v.client-key-data YWJj",
      "config set users.v.client-key-data abc --set-raw-bytes",
      "config set contexts.one.namespace x",
      "config set current-context q",
      "config set a b",
      { line: "config set", differs: ownHelp },
      "config unset users.u.token",
      "config unset users.nope",
      "config unset users.w",
      "config unset x",
      { line: "config unset", differs: ownHelp },
      "config unset current-context",
      "config view --raw",
      "config unset contexts",
      "config view",
    ],
  }),
];
