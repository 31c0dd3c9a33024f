import { Secret } from "../../api/core/secret.ts";
import type { Registry } from "../../registry/registry.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import type { UserInfo } from "../exchange.ts";
import { sameSecret } from "./token-authenticator.ts";

const form = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const everybody = "system:bootstrappers";

/** The tokens that a new node joins with: Secrets `bootstrap-token-ID` in kube-system. */
export function bootstrapTokens(registry: Registry): (token: string) => UserInfo | undefined {
  const { cache, resource } = registry.of(Secret);
  return (token) => {
    const [, id = "", secret = ""] = form.exec(token) ?? [];
    if (!id) return undefined;
    const held = objectOf<Secret>(cache.get(resource.key("kube-system", `bootstrap-token-${id}`)));
    if (held?.type !== "bootstrap.kubernetes.io/token" || held.metadata.deletionTimestamp) return undefined;
    const text = (key: string) => Buffer.from(held.data?.[key] ?? "", "base64").toString();
    if (text("token-id") !== id || !sameSecret(text("token-secret"), secret)) return undefined;
    const expires = text("expiration");
    if (expires && !(Date.parse(expires) > registry.clock.now())) return undefined;
    if (text("usage-bootstrap-authentication") !== "true") return undefined;
    const more = text("auth-extra-groups").split(",").filter(Boolean);
    if (!more.every((group) => groupForm.test(group))) return undefined;
    return { name: `system:bootstrap:${id}`, groups: [...new Set([everybody, ...more])] };
  };
}
