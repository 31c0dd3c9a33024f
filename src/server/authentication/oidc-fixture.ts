import { generateKeyPairSync } from "node:crypto";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import Provider, { type Configuration, type JWK } from "oidc-provider";
import { selfSigned } from "../../wire/certificate-fixture.ts";

export const clientId = "kubernetes";
const redirect = "https://127.0.0.1/callback";

/** A person whom the provider knows: what it says of them. */
export interface Person {
  readonly sub: string;
  readonly [claim: string]: unknown;
}

/** A real OpenID Connect provider on a port of its own, for tests. */
export interface OidcFixture extends AsyncDisposable {
  readonly issuer: string;
  /** PEM of its server's authority. */
  readonly ca: string;
  /** Lets a person log in by the code flow, as a browser would, and gives the ID token. */
  logIn(person: Person): Promise<string>;
  /** Signs with a new key from now on, and publishes no other. */
  rotate(): void;
  /** How often the keys were asked for. */
  readonly keyRequests: number;
}

/** Starts a provider on the loopback address. */
export async function openOidcFixture(): Promise<OidcFixture> {
  const { cert, key } = await selfSigned("CN=provider");
  const people = new Map<string, Person>();
  let serve: ReturnType<Provider["callback"]> | undefined;
  let keyRequests = 0;
  const server = createServer({ cert, key }, (message, response) => {
    if (message.url === "/jwks") keyRequests += 1;
    void serve?.(message, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rotate = () => {
    serve = provider(issuer, people).callback();
  };
  rotate();
  return {
    issuer,
    ca: cert,
    rotate,
    get keyRequests() {
      return keyRequests;
    },
    async logIn(person) {
      people.set(person.sub, person);
      return codeFlow(issuer, cert, person.sub);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function provider(issuer: string, people: ReadonlyMap<string, Person>): Provider {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const configuration: Configuration = {
    clients: [{ client_id: clientId, client_secret: "secret", redirect_uris: [redirect] }],
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256" } as JWK] },
    claims: { openid: ["sub", "groups", "email", "email_verified", "department"] },
    conformIdTokenClaims: false,
    pkce: { required: () => false },
    cookies: { keys: ["test"] },
    findAccount: (_context, sub) => ({ accountId: sub, claims: async () => people.get(sub) ?? { sub } }),
  };
  return new Provider(issuer, configuration);
}

async function codeFlow(issuer: string, ca: string, login: string): Promise<string> {
  const cookies = new Map<string, string>();
  const visit = async (url: string, form?: Readonly<Record<string, string>>) => {
    const answer = await ask(new URL(url, issuer), ca, cookies, form);
    for (const cookie of answer.cookies) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, value);
    }
    return answer;
  };
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: "code",
    scope: "openid",
    redirect_uri: redirect,
  });
  let answer = await visit(`/auth?${query}`);
  for (let steps = 0; steps < 12; steps += 1) {
    const next = answer.location;
    if (next?.startsWith(redirect)) {
      const code = new URL(next).searchParams.get("code") ?? "";
      const form = {
        grant_type: "authorization_code",
        code,
        redirect_uri: redirect,
        client_id: clientId,
        client_secret: "secret",
      };
      const { body } = await visit("/token", form);
      return (JSON.parse(body) as { readonly id_token: string }).id_token;
    }
    if (next) answer = await visit(next);
    else {
      const [, action = ""] = /action="([^"]+)"/.exec(answer.body) ?? [];
      const prompt = /name="prompt" value="(\w+)"/.exec(answer.body)?.[1] ?? "consent";
      answer = await visit(action, prompt === "login" ? { prompt, login, password: "any" } : { prompt });
    }
  }
  throw new Error(`the provider never sent us back: ${answer.status} ${answer.body.slice(0, 300)}`);
}

interface Visit {
  readonly status: number;
  readonly location: string | undefined;
  readonly cookies: readonly string[];
  readonly body: string;
}

function ask(url: URL, ca: string, cookies: ReadonlyMap<string, string>, form?: object): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const sent = form && new URLSearchParams(form as Record<string, string>).toString();
    const asked = request(
      url,
      {
        ca,
        method: sent === undefined ? "GET" : "POST",
        headers: {
          accept: "text/html, application/json",
          cookie: Array.from(cookies, ([name, value]) => `${name}=${value}`).join("; "),
          ...(sent === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
        },
      },
      async (response) => {
        let body = "";
        for await (const part of response) body += String(part);
        const { location, "set-cookie": set = [] } = response.headers;
        resolve({ status: response.statusCode ?? 0, location, cookies: set, body });
      },
    );
    asked.on("error", reject);
    asked.end(sent);
  });
}
