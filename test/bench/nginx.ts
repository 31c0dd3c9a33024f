import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const cache = join(import.meta.dirname, "../../.cache/nginx");

/** The path of Debian's nginx, unpacked into a cache folder on first use and never installed. Throws when it cannot be fetched. */
export function nginxPath(): string {
  const path = join(cache, "usr/sbin/nginx");
  if (existsSync(path)) return path;
  const work = `${cache}-work-${process.pid}`;
  mkdirSync(work, { recursive: true });
  try {
    const run = (program: string, ...args: string[]) =>
      execFileSync(program, args, { cwd: work, stdio: ["ignore", "ignore", "pipe"], timeout: 60_000 });
    run("apt-get", "-o", "APT::Sandbox::User=root", "download", "-q", "nginx");
    const archive = readdirSync(work).find((name) => name.endsWith(".deb"));
    if (!archive) throw new Error("apt-get downloaded no nginx");
    run("dpkg-deb", "-x", archive, "unpacked");
    rmSync(cache, { recursive: true, force: true });
    renameSync(join(work, "unpacked"), cache);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return path;
}

/** Starts it as a bare proxy of one worker that keeps its connections to the back end. */
export function startNginx(program: string, ports: { readonly own: number; readonly backend: number }) {
  const folder = mkdtempSync(join(tmpdir(), "navarch-nginx-"));
  const config = join(folder, "nginx.conf");
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream backend { server 127.0.0.1:${ports.backend}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${ports.own}; keepalive_requests 1000000;
    location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
  }
}`,
  );
  const child = spawn(program, ["-p", folder, "-c", config, "-e", "stderr"], { stdio: "ignore" });
  child.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return child;
}
