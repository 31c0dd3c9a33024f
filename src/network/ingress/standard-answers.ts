/** What the engine itself answers, when no back end does. */
export interface StandardAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly location?: string;
}

const texts: Readonly<Record<number, string>> = {
  400: "Bad Request: the request makes no sense to a proxy",
  404: "default backend - 404",
  405: "Method Not Allowed",
  502: "Bad Gateway: no endpoint of the service could be reached",
  503: "Service Unavailable: the service has no endpoint that is ready",
  504: "Gateway Timeout: the service did not answer in time",
};

export function standardAnswer(status: number): StandardAnswer {
  return { status, type: "text/plain; charset=utf-8", body: `${texts[status] ?? "the request failed"}\n` };
}

/** The page of 2016 for those who look, and a status that keeps the method of those who write. */
export function redirectAnswer(method: string, location: string): StandardAnswer {
  const status = redirectStatus(method);
  const title = `${status} ${status === 301 ? "Moved Permanently" : "Permanent Redirect"}`;
  const body = `<html>\n<head><title>${title}</title></head><body bgcolor="white"><center><h1>${title}</h1></center>\n</body></html>\n`;
  return { status, type: "text/html", body, location };
}

export function redirectStatus(method: string): 301 | 308 {
  return method === "GET" || method === "HEAD" ? 301 : 308;
}
