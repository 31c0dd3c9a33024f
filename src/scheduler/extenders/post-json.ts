import { readFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { Fault } from "../../lib/fault.ts";
import { request as httpRequest } from "../../lib/plain-http.ts";
import type { PostJson } from "./extender.ts";
import type { ExtenderConfiguration } from "./extender-configuration.ts";

const longestAnswer = 64 * 1024 * 1024;

/** Calls an extender over HTTP, or HTTPS as its configuration says. */
export function postJson({ enableHTTPS, tlsConfig = {} }: ExtenderConfiguration): PostJson {
  const pem = (data: string | undefined, file: string | undefined) =>
    data ? Buffer.from(data, "base64") : file ? readFileSync(file) : undefined;
  const tls = {
    ca: pem(tlsConfig.caData, tlsConfig.caFile),
    cert: pem(tlsConfig.certData, tlsConfig.certFile),
    key: pem(tlsConfig.keyData, tlsConfig.keyFile),
    rejectUnauthorized: !tlsConfig.insecure,
    ...(tlsConfig.serverName ? { servername: tlsConfig.serverName } : {}),
  };
  return (url, body, { timeoutMs }) =>
    new Promise((resolve, reject) => {
      const payload = Buffer.from(JSON.stringify(body));
      const options = {
        method: "POST",
        headers: { "content-type": "application/json", "content-length": payload.length },
        signal: AbortSignal.timeout(timeoutMs),
      };
      const secure = enableHTTPS || url.startsWith("https:");
      const failed = (error: Error) =>
        reject(new Fault("unavailable", `extender ${url}: ${error.message}`, { cause: error }));
      const call = secure ? httpsRequest(url, { ...options, ...tls }) : httpRequest(url, options);
      call.on("error", failed);
      call.on("response", (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on("error", failed);
        response.on("data", (chunk: Buffer) => {
          length += chunk.length;
          if (length > longestAnswer) response.destroy(new Error("the answer is too long"));
          else chunks.push(chunk);
        });
        response.on("end", () => {
          if (response.statusCode !== 200) return failed(new Error(`answered with ${response.statusCode}`));
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")));
          } catch {
            failed(new Error("the answer is no JSON"));
          }
        });
      });
      call.end(payload);
    });
}
