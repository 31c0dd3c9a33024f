/** `navarch/testing`: a cluster in a test's hand. */
export type { SimulatedNodeWishes } from "../node/simulated-nodes/make-nodes.ts";
export type { UserInfo } from "../server/exchange.ts";
export { type Cluster, type StartClusterOptions, startCluster } from "./start-cluster.ts";
