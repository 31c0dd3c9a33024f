import { ageColumn, nameColumn, text } from "../columns.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type ServiceAccount = core.ServiceAccount;

/** The identity that a pod's processes have towards the API. */
export const ServiceAccount = defineKind<core.ServiceAccount>({
  type: "core/v1.ServiceAccount",
  plural: "serviceaccounts",
  shortNames: ["sa"],
  scope: "Namespaced",
  subresources: ["token"],
  prepareCreate: namesOnly,
  prepareUpdate: namesOnly,
  columns: [nameColumn, text("Secrets", ({ secrets }) => secrets?.length ?? 0), ageColumn],
});

/** A reference to a secret is a name in the account's own namespace, and nothing else. */
function namesOnly(account: core.ServiceAccount): core.ServiceAccount {
  if (!account.secrets?.some((reference) => Object.keys(reference).some((key) => key !== "name"))) return account;
  return { ...account, secrets: account.secrets.map(({ name }) => ({ name })) };
}
