import {
  ApiException,
  AppsV1Api,
  BatchV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Pod,
  type V1Status,
  VersionApi,
  Watch,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LiveServer, startLiveServer } from "./tools/live-server.ts";
import { until } from "./tools/until.ts";

/** The JavaScript client, generated from upstream's OpenAPI document, unmodified and over TLS. */
let server: LiveServer;
let config: KubeConfig;
let core: CoreV1Api;
let apps: AppsV1Api;
const namespace = "client-node";

beforeAll(async () => {
  server = await startLiveServer();
  config = new KubeConfig();
  config.loadFromFile(server.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
  apps = config.makeApiClient(AppsV1Api);
  await core.createNamespace({ body: { metadata: { name: namespace } } });
});
afterAll(() => server?.[Symbol.asyncDispose]());

const configMap = (name: string, data: Record<string, string> = { a: "1" }, labels: Record<string, string> = {}) => ({
  metadata: { name, labels },
  data,
});

/** The Status that a call was refused with. */
async function refusal(call: Promise<unknown>): Promise<V1Status> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiException)) throw new Error(`not refused by the server: ${error}`);
  return JSON.parse(error.body as string) as V1Status;
}

describe("objects", () => {
  test("an object is created, read, replaced and deleted", async () => {
    const created = await core.createNamespacedConfigMap({ namespace, body: configMap("crud") });
    expect(created).toMatchObject({ kind: "ConfigMap", apiVersion: "v1", data: { a: "1" } });
    expect(created.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(created.metadata?.creationTimestamp).toBeInstanceOf(Date);
    const read = await core.readNamespacedConfigMap({ namespace, name: "crud" });
    expect(read).toEqual(created);
    const replaced = await core.replaceNamespacedConfigMap({
      namespace,
      name: "crud",
      body: { ...read, data: { b: "2" } },
    });
    expect(replaced.data).toEqual({ b: "2" });
    expect(replaced.metadata?.resourceVersion).not.toBe(read.metadata?.resourceVersion);
    const status = await core.deleteNamespacedConfigMap({ namespace, name: "crud" });
    expect(status).toMatchObject({ kind: "Status", status: "Success", details: { name: "crud", kind: "configmaps" } });
    expect(await refusal(core.readNamespacedConfigMap({ namespace, name: "crud" }))).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'configmaps "crud" not found',
      reason: "NotFound",
      details: { name: "crud", kind: "configmaps" },
      code: 404,
    });
  });

  test("a replacement of an old state is refused as a conflict", async () => {
    const first = await core.createNamespacedConfigMap({ namespace, body: configMap("raced") });
    await core.replaceNamespacedConfigMap({ namespace, name: "raced", body: { ...first, data: { a: "2" } } });
    const status = await refusal(core.replaceNamespacedConfigMap({ namespace, name: "raced", body: first }));
    expect(status).toMatchObject({
      code: 409,
      reason: "Conflict",
      message:
        'Operation cannot be fulfilled on configmaps "raced": the object has been modified; please apply your changes to the latest version and try again',
    });
  });

  test("what a kind forbids comes back as causes with their fields", async () => {
    const pod = { metadata: { name: "bad" }, spec: { containers: [{ name: "Bad_Name", image: "" }] } };
    const status = await refusal(core.createNamespacedPod({ namespace, body: pod }));
    expect(status).toMatchObject({ code: 422, reason: "Invalid" });
    expect(status.details?.causes?.map(({ field, reason }) => [field, reason])).toEqual([
      ["spec.containers[0].name", "FieldValueInvalid"],
      ["spec.containers[0].image", "FieldValueRequired"],
    ]);
  });

  test("a dry run answers with what would be and leaves nothing behind", async () => {
    const answer = await core.createNamespacedConfigMap({ namespace, body: configMap("dry"), dryRun: "All" });
    expect(answer.metadata?.uid).toBeDefined();
    expect(await refusal(core.readNamespacedConfigMap({ namespace, name: "dry" }))).toMatchObject({ code: 404 });
  });

  test("a pod's status is written apart from its spec", async () => {
    const pod = { metadata: { name: "parted" }, spec: { containers: [{ name: "c", image: "i" }] } };
    const created = await core.createNamespacedPod({ namespace, body: pod });
    // Without a resourceVersion, because the scheduler writes to the status too.
    const { resourceVersion: _any, ...metadata } = created.metadata!;
    const written = await core.replaceNamespacedPodStatus({
      namespace,
      name: "parted",
      body: { ...created, metadata, spec: { ...created.spec!, nodeName: "elsewhere" }, status: { phase: "Running" } },
    });
    expect(written.status?.phase).toBe("Running");
    expect(written.spec?.nodeName).toBeUndefined();
  });

  test("any kind is handled by its name through discovery", async () => {
    const objects = KubernetesObjectApi.makeApiClient(config);
    const job = {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "generic", namespace },
      spec: { suspend: true, template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } } },
    };
    await objects.create(job);
    const read = await config.makeApiClient(BatchV1Api).readNamespacedJob({ namespace, name: "generic" });
    expect(read.spec).toMatchObject({ suspend: true, completions: 1, parallelism: 1, backoffLimit: 6 });
    const listed = await objects.list("batch/v1", "Job", namespace);
    expect(listed.items.map(({ metadata }) => metadata?.name)).toEqual(["generic"]);
    await objects.delete(job);
  });

  test("the client without types reads what the typed one wrote", async () => {
    await core.createNamespacedConfigMap({ namespace, body: configMap("untyped") });
    const custom = config.makeApiClient(CustomObjectsApi);
    const scales = { group: "apps", version: "v1", namespace, plural: "deployments" };
    await apps.createNamespacedDeployment({ namespace, body: deployment("untyped") });
    const read = (await custom.getNamespacedCustomObject({ ...scales, name: "untyped" })) as { kind?: string };
    expect(read.kind).toBe("Deployment");
  });

  test("the server says which Kubernetes it speaks", async () => {
    const version = await config.makeApiClient(VersionApi).getCode();
    expect(version).toMatchObject({ major: "1", minor: "35" });
  });
});

function deployment(name: string) {
  return {
    metadata: { name },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "web", image: "web:1" }] } },
    },
  };
}

describe("lists", () => {
  test("a list comes in pages that add up to one moment", async () => {
    const space = "client-node-pages";
    await core.createNamespace({ body: { metadata: { name: space } } });
    const names = Array.from({ length: 25 }, (_, index) => `page-${String(index).padStart(2, "0")}`);
    await Promise.all(
      names.map((name) => core.createNamespacedSecret({ namespace: space, body: { metadata: { name } } })),
    );
    const seen: (string | undefined)[] = [];
    const versions = new Set<string | undefined>();
    const remaining: (number | undefined)[] = [];
    for (let token: string | undefined; ; ) {
      const page = await core.listNamespacedSecret({
        namespace: space,
        limit: 10,
        ...(token ? { _continue: token } : {}),
      });
      seen.push(...page.items.map(({ metadata }) => metadata?.name));
      versions.add(page.metadata?.resourceVersion);
      remaining.push(page.metadata?.remainingItemCount);
      // What comes after the first page's moment is in no later page.
      if (token === undefined)
        await core.createNamespacedSecret({ namespace: space, body: { metadata: { name: "page-99" } } });
      token = page.metadata?._continue;
      if (!token) break;
    }
    expect(seen).toEqual(names);
    expect(versions.size).toBe(1);
    expect(remaining).toEqual([15, 5, undefined]);
  });

  test("labels and fields select", async () => {
    await core.createNamespacedConfigMap({ namespace, body: configMap("red", {}, { colour: "red" }) });
    await core.createNamespacedConfigMap({ namespace, body: configMap("blue", {}, { colour: "blue" }) });
    const names = async (selection: { labelSelector?: string; fieldSelector?: string }) =>
      (await core.listNamespacedConfigMap({ namespace, ...selection })).items.map(({ metadata }) => metadata?.name);
    expect(await names({ labelSelector: "colour in (red, green)" })).toEqual(["red"]);
    expect(await names({ labelSelector: "colour,colour!=red" })).toEqual(["blue"]);
    expect(await names({ fieldSelector: "metadata.name=blue" })).toEqual(["blue"]);
    expect(await refusal(core.listNamespacedConfigMap({ namespace, fieldSelector: "data.a=1" }))).toMatchObject({
      code: 400,
      reason: "BadRequest",
    });
  });

  test("a collection is deleted by its labels", async () => {
    for (const name of ["gone-1", "gone-2"])
      await core.createNamespacedConfigMap({ namespace, body: configMap(name, {}, { fate: "gone" }) });
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: "fate=gone" });
    expect((await core.listNamespacedConfigMap({ namespace, labelSelector: "fate" })).items).toEqual([]);
  });
});

describe("patches", () => {
  const patched = (name: string, strategy: PatchStrategy, body: unknown, more = {}) =>
    apps.patchNamespacedDeployment({ namespace, name, body, ...more }, setHeaderOptions("Content-Type", strategy));

  test.each([
    {
      name: "a JSON patch works on positions",
      strategy: PatchStrategy.JsonPatch,
      body: [
        { op: "test", path: "/spec/template/spec/containers/0/image", value: "web:1" },
        { op: "add", path: "/spec/template/spec/containers/-", value: { name: "side", image: "side:1" } },
      ],
      containers: ["web web:1", "side side:1"],
    },
    {
      name: "a merge patch replaces lists",
      strategy: PatchStrategy.MergePatch,
      body: { spec: { template: { spec: { containers: [{ name: "other", image: "other:1" }] } } } },
      containers: ["other other:1"],
    },
    {
      name: "a strategic merge patch merges lists by their key",
      strategy: PatchStrategy.StrategicMergePatch,
      body: {
        spec: {
          template: {
            spec: {
              containers: [
                { name: "side", image: "side:1" },
                { name: "web", image: "web:2" },
              ],
            },
          },
        },
      },
      containers: ["side side:1", "web web:2"],
    },
  ])("$name", async ({ strategy, body, containers }) => {
    const name = `patched-${strategy.replace(/[^a-z]/g, "-")}`;
    await apps.createNamespacedDeployment({ namespace, body: deployment(name) });
    const after = await patched(name, strategy, body);
    expect(after.spec?.template.spec?.containers.map((each) => `${each.name} ${each.image}`)).toEqual(containers);
  });

  test("a JSON patch whose test fails changes nothing", async () => {
    await apps.createNamespacedDeployment({ namespace, body: deployment("tested") });
    const body = [{ op: "test", path: "/spec/replicas", value: 7 }];
    const status = await refusal(patched("tested", PatchStrategy.JsonPatch, body));
    expect(status).toMatchObject({ code: 422, reason: "Invalid" });
  });

  test("server-side apply creates, merges, names conflicts, and takes over by force", async () => {
    const apply = (fieldManager: string, replicas: number | undefined, image: string | undefined, force = false) =>
      patched(
        "applied",
        PatchStrategy.ServerSideApply,
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          metadata: { name: "applied" },
          spec: {
            ...(replicas === undefined ? {} : { replicas }),
            selector: { matchLabels: { app: "applied" } },
            template: {
              metadata: { labels: { app: "applied" } },
              spec: { containers: [{ name: "web", ...(image ? { image } : {}) }] },
            },
          },
        },
        { fieldManager, force },
      );
    const created = await apply("one", 1, "web:1");
    expect(created.metadata?.managedFields).toMatchObject([{ manager: "one", operation: "Apply" }]);
    const conflict = await refusal(apply("two", 3, undefined));
    expect(conflict).toMatchObject({
      code: 409,
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "one": .spec.replicas',
      details: {
        causes: [{ reason: "FieldManagerConflict", message: 'conflict with "one"', field: ".spec.replicas" }],
      },
    });
    const forced = await apply("two", 3, undefined, true);
    expect(forced.spec?.replicas).toBe(3);
    // One lets go of the count; two still wants it.
    const left = await apply("one", undefined, "web:2");
    expect(left.spec).toMatchObject({ replicas: 3, template: { spec: { containers: [{ image: "web:2" }] } } });
  });

  test("a scale is read, replaced and patched as a kind of its own", async () => {
    await apps.createNamespacedDeployment({ namespace, body: deployment("scaled") });
    const scale = await apps.readNamespacedDeploymentScale({ namespace, name: "scaled" });
    expect(scale).toMatchObject({ kind: "Scale", spec: { replicas: 2 }, status: { selector: "app=scaled" } });
    await apps.replaceNamespacedDeploymentScale({
      namespace,
      name: "scaled",
      body: { ...scale, metadata: { name: "scaled", namespace }, spec: { replicas: 5 } },
    });
    const read = await apps.readNamespacedDeployment({ namespace, name: "scaled" });
    expect(read.spec?.replicas).toBe(5);
  });
});

describe("watches", () => {
  interface Seen {
    readonly phase: string;
    readonly name: string | undefined;
  }

  test("a watch tells of every change after a list, and an older one is resumed", async () => {
    const before = await core.listNamespacedConfigMap({ namespace });
    const watched = (query: Record<string, string>) => {
      const seen: Seen[] = [];
      const ended = new Promise<unknown>((resolve) => {
        void new Watch(config)
          .watch(
            `/api/v1/namespaces/${namespace}/configmaps`,
            query,
            (phase, object: V1ConfigMap) => void seen.push({ phase, name: object.metadata?.name }),
            resolve,
          )
          .then((controller) => aborts.push(controller), resolve);
      });
      return { seen, ended };
    };
    const aborts: AbortController[] = [];
    const resourceVersion = before.metadata?.resourceVersion ?? "";
    const live = watched({ resourceVersion });
    await core.createNamespacedConfigMap({ namespace, body: configMap("watched") });
    await core.patchNamespacedConfigMap(
      { namespace, name: "watched", body: { data: { a: "2" } } },
      setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    );
    await core.deleteNamespacedConfigMap({ namespace, name: "watched" });
    const story = [
      { phase: "ADDED", name: "watched" },
      { phase: "MODIFIED", name: "watched" },
      { phase: "DELETED", name: "watched" },
    ];
    await until("the live watch has seen all", () => live.seen.length >= 3 || undefined);
    expect(live.seen).toEqual(story);
    const resumed = watched({ resourceVersion, timeoutSeconds: "1" });
    await resumed.ended;
    expect(resumed.seen).toEqual(story);
    for (const controller of aborts) controller.abort();
    await live.ended;
  });

  test("an informer keeps a copy of a namespace", async () => {
    const space = "client-node-informer";
    await core.createNamespace({ body: { metadata: { name: space } } });
    const pod = (name: string): V1Pod => ({ metadata: { name }, spec: { containers: [{ name: "c", image: "i" }] } });
    await core.createNamespacedPod({ namespace: space, body: pod("first") });
    const told: string[] = [];
    const informer = makeInformer(config, `/api/v1/namespaces/${space}/pods`, () =>
      core.listNamespacedPod({ namespace: space }),
    );
    informer.on("add", ({ metadata }) => told.push(`add ${metadata?.name}`));
    informer.on("update", ({ metadata }) => told.push(`update ${metadata?.name}`));
    informer.on("delete", ({ metadata }) => told.push(`delete ${metadata?.name}`));
    await informer.start();
    expect(informer.get("first", space)?.metadata?.name).toBe("first");
    await core.createNamespacedPod({ namespace: space, body: pod("second") });
    await until("the informer knows the second pod", () => informer.get("second", space));
    await core.deleteNamespacedPod({ namespace: space, name: "first", gracePeriodSeconds: 0 });
    await until("the first pod is forgotten", () => informer.get("first", space) === undefined || undefined);
    await informer.stop();
    expect(informer.list(space).map(({ metadata }) => metadata?.name)).toEqual(["second"]);
    expect(told).toEqual(expect.arrayContaining(["add first", "add second", "delete first"]));
  });
});

describe("who asks", () => {
  test("a service account's token is issued, believed, and held to its rights", async () => {
    await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: "robot" } } });
    const { status } = await core.createNamespacedServiceAccountToken({
      namespace,
      name: "robot",
      body: { spec: { audiences: [], expirationSeconds: 600 } },
    });
    const robot = new KubeConfig();
    robot.loadFromOptions({
      clusters: [{ name: "c", server: server.url, caData: Buffer.from(server.ca).toString("base64") }],
      users: [{ name: "robot", token: status?.token }],
      contexts: [{ name: "c", cluster: "c", user: "robot" }],
      currentContext: "c",
    });
    const refused = await refusal(robot.makeApiClient(CoreV1Api).listNamespacedSecret({ namespace }));
    expect(refused).toMatchObject({
      code: 403,
      reason: "Forbidden",
      message: `secrets is forbidden: User "system:serviceaccount:${namespace}:robot" cannot list resource "secrets" in API group "" in the namespace "${namespace}"`,
    });
  });

  test("a stranger without credentials is refused", async () => {
    const stranger = new KubeConfig();
    stranger.loadFromOptions({
      clusters: [{ name: "c", server: server.url, caData: Buffer.from(server.ca).toString("base64") }],
      users: [{ name: "nobody" }],
      contexts: [{ name: "c", cluster: "c", user: "nobody" }],
      currentContext: "c",
    });
    await expect(stranger.makeApiClient(CoreV1Api).listNode()).rejects.toMatchObject({ code: 401 });
  });
});
