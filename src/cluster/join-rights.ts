import { ClusterRoleBinding } from "../api/rbac/cluster-role-binding.ts";
import type { Client } from "../client/client.ts";
import { isStatus } from "../machinery/status-error.ts";

const group = "rbac.authorization.k8s.io";
const requests = "system:certificates.k8s.io:certificatesigningrequests";

/** What a new node may do with a bootstrap token, and every node to renew its certificate; named as kubeadm names them. */
const bindings = [
  { name: "kubeadm:kubelet-bootstrap", role: "system:node-bootstrapper", members: "system:bootstrappers" },
  { name: "kubeadm:node-autoapprove-bootstrap", role: `${requests}:nodeclient`, members: "system:bootstrappers" },
  {
    name: "kubeadm:node-autoapprove-certificate-rotation",
    role: `${requests}:selfnodeclient`,
    members: "system:nodes",
  },
] as const;

/** Lets nodes join by a token, and renew what they got. What people have changed or taken away of it stays so while it is there. */
export async function ensureJoinRights(client: Client): Promise<void> {
  await Promise.all(
    bindings.map(async ({ name, role, members }) => {
      try {
        await client.create(ClusterRoleBinding, {
          metadata: { name },
          roleRef: { apiGroup: group, kind: "ClusterRole", name: role },
          subjects: [{ apiGroup: group, kind: "Group", name: members }],
        });
      } catch (error) {
        if (!isStatus(error, "AlreadyExists")) throw error;
      }
    }),
  );
}
