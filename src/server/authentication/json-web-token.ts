import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { Fault } from "../../lib/fault.ts";

export type Claims = Readonly<Record<string, unknown>>;

interface Key {
  readonly id: string;
  readonly algorithm: "RS256" | "ES256";
  readonly key: KeyObject;
}

/** Signs and verifies JSON Web Tokens with RSA (RS256) or P-256 (ES256) keys. */
export class TokenSigner {
  readonly #signing: Key;
  readonly #private: KeyObject;
  readonly #verifying: ReadonlyMap<string, Key>;

  /** PEM keys; tokens signed by any of `publicKeys` are believed too. Throws Fault `invalid`. */
  constructor(options: { readonly privateKey: string; readonly publicKeys?: readonly string[] }) {
    try {
      this.#private = createPrivateKey(options.privateKey);
      this.#signing = describe(createPublicKey(this.#private));
      const others = (options.publicKeys ?? []).map((pem) => describe(createPublicKey(pem)));
      this.#verifying = new Map([this.#signing, ...others].map((key) => [key.id, key]));
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw new Fault("invalid", "the service account key is no PEM key", { cause: error });
    }
  }

  sign(claims: Claims): string {
    const { algorithm, id } = this.#signing;
    const head = encode({ alg: algorithm, kid: id });
    const body = `${head}.${encode(claims)}`;
    const signature = sign("sha256", Buffer.from(body), { key: this.#private, dsaEncoding: "ieee-p1363" });
    return `${body}.${signature.toString("base64url")}`;
  }

  /** The claims of a token that one of the keys signed; undefined for any other text. Times are not looked at. */
  verify(token: string): Claims | undefined {
    const [head = "", body = "", signature = "", ...more] = token.split(".");
    if (signature === "" || more.length > 0) return undefined;
    const header = decode(head);
    const named = typeof header?.kid === "string" ? this.#verifying.get(header.kid) : undefined;
    const candidates = named ? [named] : header?.kid === undefined ? [...this.#verifying.values()] : [];
    for (const { key, algorithm } of candidates) {
      if (header?.alg !== algorithm) continue;
      const data = Buffer.from(`${head}.${body}`);
      const bytes = Buffer.from(signature, "base64url");
      if (verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, bytes)) return decode(body);
    }
    return undefined;
  }

  /** The issuer named in a token that nobody has verified yet. */
  static issuer(token: string): unknown {
    return decode(token.split(".")[1] ?? "")?.iss;
  }

  /** The public keys as a JSON Web Key Set. */
  keySet(): { readonly keys: readonly Claims[] } {
    const keys = Array.from(this.#verifying.values(), ({ id, algorithm, key }) => ({
      use: "sig",
      ...key.export({ format: "jwk" }),
      kid: id,
      alg: algorithm,
    }));
    return { keys };
  }
}

// The id is the hash of the public key, so that every server of a cluster computes the same.
function describe(key: KeyObject): Key {
  const id = createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("base64url");
  if (key.asymmetricKeyType === "rsa") return { id, key, algorithm: "RS256" };
  if (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1") {
    return { id, key, algorithm: "ES256" };
  }
  throw new Fault("invalid", "service account keys must be RSA or P-256");
}

const encode = (value: Claims) => Buffer.from(JSON.stringify(value)).toString("base64url");

function decode(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}
