import { pod } from "../tools/objects.ts";
import { story } from "../tools/story.ts";

const node = (name: string, amounts: object) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: { zone: "top", name } },
  status: amounts,
});

const running = (name: string, containers: readonly string[], more: object = {}) => {
  const made = pod(name, { app: name });
  return {
    ...made,
    metadata: { ...made.metadata, ...more },
    spec: { nodeName: "top-1", containers: containers.map((one) => ({ name: one, image: `${one}:1` })) },
    status: { phase: "Running" },
  };
};

const nodeInfo = Object.fromEntries(
  [
    ...["architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion"],
    ...["machineID", "operatingSystem", "osImage", "systemUUID"],
  ].map((name) => [name, ""]),
);

const swap = (line: string, lines: readonly string[]) => ({
  line,
  differs: {
    why: "--show-swap is there since 1.34",
    instead: () => ({ code: 0, stdout: lines.map((one) => `${one}\n`).join(""), stderr: "" }),
  },
});

/** `kubectl top`: what is used comes from tools/figures.ts. */
export const topStories = [
  story({
    name: "top",
    objects: [
      node("top-1", { capacity: { cpu: "4", memory: "4Gi" }, allocatable: { cpu: "3", memory: "3Gi" } }),
      node("top-2", {
        capacity: { cpu: "2", memory: "1Gi" },
        allocatable: { cpu: "1500m", memory: "900Mi" },
        nodeInfo: { ...nodeInfo, swap: { capacity: 1 << 30 } },
      }),
      node("top-3", { capacity: { cpu: "2", memory: "1Gi" }, allocatable: { cpu: "2", memory: "1Gi" } }),
      running("web", ["main", "side"]),
      running("db", ["main"]),
      running("idle", ["main"]),
      running("unseen", ["main"]),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "top-other" } },
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: "top-other" } },
      running("web", ["main"], { namespace: "top-other" }),
    ],
    steps: [
      "top node -l zone=top",
      "top nodes -l zone=top --sort-by=cpu",
      "top no -l zone=top --sort-by memory",
      "top node -l zone=top --no-headers",
      "top node -l zone=top --show-capacity",
      "top node -l zone=top --show-capacity --sort-by=memory --no-headers",
      "top node -l zone=top --use-protocol-buffers=false",
      "top node -l zone=nowhere",
      "top node -l zone=!",
      "top node --selector=a=b,",
      "top pod -l a=b=c",
      "top pod --field-selector=x",
      "top node top-1",
      "top node top-2 --show-capacity --no-headers",
      "top node top-3",
      "top node none",
      "top node top-1 -l zone=top",
      "top node top-1 top-2",
      "top node --sort-by=name",
      "top node --containers",
      { line: "top node", unordered: true },
      "top pod",
      "top pods --sort-by=cpu",
      "top po --sort-by=memory",
      "top pod --containers",
      "top pod --containers --sort-by=cpu",
      "top pod --containers --sort-by=memory --no-headers",
      "top pod --sum",
      "top pod --sum --no-headers",
      "top pod -A --sum --no-headers",
      "top pod --containers --sum --no-headers",
      "top pod -A --containers --sum --no-headers",
      "top pod --sum --containers",
      "top pod --sum --containers -A -l app=web",
      "top pod --no-headers",
      "top pod -l app=web",
      "top pod -l app=web --containers --sum",
      "top pod -l 'app in (web,db)' --sort-by=memory",
      "top pod -A",
      "top pod -A --sort-by=memory",
      "top pod -A --containers --no-headers",
      "top pod -A --sum",
      "top pod -n top-other",
      "top pod --field-selector=metadata.name=db",
      "top pod --use-protocol-buffers=false",
      "top pod web",
      "top pod web --containers",
      "top pod web --containers --sum",
      "top pod web --sum --no-headers",
      "top pod none",
      swap("top node -l zone=top --show-swap", [
        "NAME    CPU(cores)   CPU(%)      MEMORY(bytes)   MEMORY(%)   SWAP(bytes)   SWAP(%)     ",
        "top-1   250m         8%          512Mi           16%         <unknown>     <unknown>   ",
        "top-2   1333m        88%         100Mi           11%         0Mi           0%          ",
        "top-3   <unknown>    <unknown>   <unknown>       <unknown>   <unknown>     <unknown>   ",
      ]),
      swap("top pod db --show-swap", [
        "NAME   CPU(cores)   MEMORY(bytes)   SWAP(bytes)   ",
        "db     AGE   30Mi            0Mi           ",
      ]),
      "top pod unseen",
      "top pod -l app=none",
      "top pod -n nowhere",
      "top pod web db",
      "top pod web -l app=web",
      "top pod --sort-by=name",
      "top pod --show-capacity",
      "get nodes.metrics.k8s.io -l zone=top",
      "get pods.metrics.k8s.io",
      "get pods.metrics.k8s.io web -o jsonpath={.containers[*].usage}",
      "describe pods.metrics.k8s.io db",
    ],
  }),
];
