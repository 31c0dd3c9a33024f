import { createHash } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import { AnswerCache } from "../answer-cache.ts";
import type { UserInfo } from "../exchange.ts";
import { type ClaimRules, claimMapper } from "./claim-mapping.ts";
import { IssuerKeys, type IssuerOptions } from "./issuer-keys.ts";
import { type Claims, TokenSigner } from "./json-web-token.ts";

/** One OpenID Connect issuer, as `jwt` of an AuthenticationConfiguration describes it. */
export interface JwtIssuer extends ClaimRules {
  readonly issuer: IssuerOptions & { readonly audiences: readonly string[] };
  /** JOSE names. Default: every asymmetric one. */
  readonly signingAlgorithms?: readonly string[];
}

type Found = UserInfo | { readonly fault: string } | undefined;

export const asymmetricAlgorithms = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"];
/** How long a verdict is remembered, in ms, as upstream remembers those of tokens. */
const rememberFor = 10_000;

/** Believes the ID tokens of OpenID Connect issuers. Throws Fault `invalid` for rules that make no sense. */
export function oidcTokens(issuers: readonly JwtIssuer[], clock: Clock): (token: string) => Found | Promise<Found> {
  const known = new Map(issuers.map((issuer, index) => [issuer.issuer.url, verifier(issuer, `jwt[${index}]`, clock)]));
  const cache = new AnswerCache<Found>({ clock, size: 4096 });
  return (token) => {
    const verify = known.get(String(TokenSigner.issuer(token)));
    if (!verify) return undefined;
    const key = createHash("sha256").update(token).digest("base64");
    return cache.get(
      key,
      () => verify(token),
      (found) => (found && "fault" in found ? 0 : rememberFor),
    );
  };
}

function verifier(options: JwtIssuer, place: string, clock: Clock): (token: string) => Promise<Found> {
  const { issuer, signingAlgorithms = asymmetricAlgorithms } = options;
  const keys = new IssuerKeys(issuer, clock);
  const userOf = claimMapper(options, place);
  return async (token) => {
    const { jwtVerify } = await import("jose");
    try {
      const { payload } = await jwtVerify(token, keys.find, {
        issuer: issuer.url,
        audience: [...issuer.audiences],
        algorithms: [...signingAlgorithms],
        currentDate: new Date(clock.now()),
        requiredClaims: ["exp"],
      });
      return userOf(payload as Claims);
    } catch (error) {
      return { fault: `oidc: verify token: ${errorMessage(error)}` };
    }
  };
}
