import { fileEntry, folderEntry, type LayerEntry, mergedUsrLinks } from "./layer-entry.ts";

/** The users that Debian's programs take for granted; `nobody` is the same number everywhere. */
const standardUsers: readonly {
  readonly name: string;
  readonly id: number;
  readonly home: string;
  readonly shell: string;
}[] = [
  { name: "root", id: 0, home: "/root", shell: "/bin/sh" },
  { name: "www-data", id: 33, home: "/var/www", shell: "/usr/sbin/nologin" },
  { name: "nobody", id: 65534, home: "/nonexistent", shell: "/usr/sbin/nologin" },
];

const standardGroups: Readonly<Record<string, number>> = {
  root: 0,
  adm: 4,
  tty: 5,
  "www-data": 33,
  staff: 50,
  nogroup: 65534,
};

/** The bottom layer of every image that is a small system: the merged folders, users, groups, places for temporary files. */
export function baseEntries(users: Readonly<Record<string, number>>): LayerEntry[] {
  const own = Object.entries(users).map(([name, id]) => ({ name, id, home: "/", shell: "/usr/sbin/nologin" }));
  const all = [...standardUsers.filter((user) => !(user.name in users)), ...own].sort((a, b) => a.id - b.id);
  const groupOf = (id: number) => (id === 65534 ? standardGroups.nogroup : id);
  const passwd = all.map(
    (user) => `${user.name}:x:${user.id}:${groupOf(user.id)}:${user.name}:${user.home}:${user.shell}\n`,
  );
  const groups = Object.entries({ ...standardGroups, ...users })
    .sort(([, a], [, b]) => a - b)
    .map(([name, id]) => `${name}:x:${id}:\n`);
  return [
    ...mergedUsrLinks,
    ...[
      "dev",
      "etc",
      "home",
      "mnt",
      "opt",
      "proc",
      "run",
      "srv",
      "sys",
      "usr",
      "var",
      "var/cache",
      "var/lib",
      "var/log",
    ].map((path) => folderEntry(path)),
    folderEntry("root", 0o700),
    folderEntry("tmp", 0o1777),
    folderEntry("var/tmp", 0o1777),
    fileEntry("etc/passwd", passwd.join("")),
    fileEntry("etc/group", groups.join("")),
    fileEntry(
      "etc/nsswitch.conf",
      "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    ),
  ];
}
