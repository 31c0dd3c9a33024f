import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";

const cache = join(import.meta.dirname, "../../.cache");
const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
const has = (program: string) => folders.some((folder) => existsSync(join(folder, program)));
const aptEnvironment = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };

/** Debian packages of which tests use a program, and how to see that it is there. */
const packages: readonly { readonly name: string; readonly there: () => boolean }[] = [
  { name: "containerd", there: () => has("containerd") },
  { name: "runc", there: () => has("runc") },
  {
    name: "containernetworking-plugins",
    there: () => existsSync("/usr/lib/cni/bridge") || existsSync("/opt/cni/bin/bridge"),
  },
  { name: "nftables", there: () => has("nft") },
  { name: "iproute2", there: () => has("ip") },
  { name: "conntrack", there: () => has("conntrack") },
  { name: "busybox-static", there: () => has("busybox") },
  { name: "procps", there: () => has("sysctl") },
  { name: "openssl", there: () => has("openssl") },
  // The tutorial is typed as a person types it.
  { name: "curl", there: () => has("curl") },
  { name: "ca-certificates", there: () => existsSync("/etc/ssl/certs") },
];

/** Makes a bare Debian machine fit for the tests: installs what is absent, removes nothing. Ends the program if it cannot. */
export function prepareMachine(): void {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    console.error("The tests start real containers: they need Linux and root. Without them: npm run check");
    process.exit(1);
  }
  const missing = packages.filter(({ there }) => !there()).map(({ name }) => name);
  if (missing.length > 0) {
    console.log(`installing ${missing.join(" ")}`);
    const install = ["install", "-y", "-q", "--no-remove", "--no-install-recommends", ...missing];
    if (apt(install) !== 0) {
      // A machine that was just set up may have no package lists yet.
      apt(["update", "-q"]);
      if (apt(install) !== 0) {
        console.error(`apt-get could not install ${missing.join(" ")}`);
        process.exit(1);
      }
    }
  }
  if (!has("etcd")) unpackEtcd();
}

/** The etcd that the store's contract is tried on: unpacked, not installed, so that no service of it is started. */
function unpackEtcd(): void {
  const program = join(cache, "etcd", "usr/bin/etcd");
  if (!existsSync(program)) {
    const work = join(cache, `etcd-${process.pid}`);
    mkdirSync(join(work, "unpacked"), { recursive: true });
    const download = () =>
      spawnSync("apt-get", ["-o", "APT::Sandbox::User=root", "download", "-q", "etcd-server"], {
        cwd: work,
        stdio: ["ignore", "ignore", "inherit"],
        env: aptEnvironment,
      }).status;
    if (download() !== 0) {
      apt(["update", "-q"]);
      download();
    }
    const archive = readdirSync(work).find((name) => name.endsWith(".deb"));
    if (!archive) {
      console.error("apt-get could not download etcd-server");
      process.exit(1);
    }
    execFileSync("dpkg-deb", ["-x", archive, "unpacked"], { cwd: work });
    renameSync(join(work, "unpacked"), join(cache, "etcd"));
    rmSync(work, { recursive: true });
  }
  mkdirSync(join(cache, "bin"), { recursive: true });
  rmSync(join(cache, "bin", "etcd"), { force: true });
  symlinkSync(program, join(cache, "bin", "etcd"));
}

function apt(args: readonly string[]): number {
  return spawnSync("apt-get", args, { stdio: "inherit", env: aptEnvironment }).status ?? 1;
}
