import { story } from "../../tools/story.ts";

/** `kubectl describe` of what pods store in. */
export const storageDescriptions = [
  story({
    name: "describe storage",
    objects: [
      {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: "describe-local", labels: { a: "b" }, finalizers: ["example.com/one", "example.com/two"] },
        spec: {
          capacity: { storage: "10Gi" },
          accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
          storageClassName: "fast",
          volumeMode: "Block",
          claimRef: { namespace: "default", name: "data" },
          local: { path: "/mnt/a" },
          nodeAffinity: {
            required: {
              nodeSelectorTerms: [
                {
                  matchExpressions: [
                    { key: "host", operator: "In", values: ["a", "b"] },
                    { key: "x", operator: "Exists" },
                  ],
                },
                { matchExpressions: [{ key: "y", operator: "DoesNotExist" }] },
              ],
            },
          },
        },
        status: { phase: "Bound", message: "fine" },
      },
      ...(
        [
          ["host", { hostPath: { path: "/data" } }],
          [
            "csi",
            { csi: { driver: "example.com", volumeHandle: "h", fsType: "ext4", volumeAttributes: { a: "1", b: "2" } } },
          ],
          ["azure", { azureFile: { secretName: "s", secretNamespace: "n", shareName: "x" } }],
          ["gluster", { glusterfs: { endpoints: "e", path: "p", endpointsNamespace: "n" } }],
          [
            "scale",
            { scaleIO: { gateway: "g", system: "s", secretRef: { name: "a", namespace: "b" }, volumeName: "v" } },
          ],
          ["rbd", { rbd: { monitors: ["a"], image: "i", secretRef: { name: "a", namespace: "b" } } }],
          ["cinder", { cinder: { volumeID: "v" } }],
          ["flex", { flexVolume: { driver: "example.com/d", secretRef: { name: "a", namespace: "b" } } }],
          [
            "iscsi",
            {
              iscsi: {
                targetPortal: "10.0.0.1:3260",
                iqn: "iqn.2001-04.com.example:a",
                lun: 1,
                initiatorName: "iqn.2001-04.com.example:b",
              },
            },
          ],
        ] as const
      ).map(([name, source]) => ({
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: `describe-${name}` },
        spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteMany"], ...source },
      })),
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "bound", annotations: { a: "b" } },
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: "fast",
          volumeName: "describe-local",
          resources: { requests: { storage: "1Gi" } },
        },
        status: {
          phase: "Bound",
          accessModes: ["ReadWriteOnce"],
          capacity: { storage: "10240Mi" },
          conditions: [
            {
              type: "FileSystemResizePending",
              status: "True",
              message: "waiting",
              lastTransitionTime: "2016-03-17T10:00:00Z",
            },
          ],
        },
      },
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "user" },
        spec: {
          containers: [{ name: "a", image: "a" }],
          volumes: [{ name: "v", persistentVolumeClaim: { claimName: "bound" } }],
        },
      },
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: {
          name: "waiting",
          ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "user", uid: "UID-OF:Pod/user" }],
        },
        spec: {
          accessModes: ["ReadWriteOnce"],
          dataSource: { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "s" },
          resources: { requests: { storage: "1Gi" } },
        },
      },
      {
        apiVersion: "storage.k8s.io/v1",
        kind: "StorageClass",
        metadata: { name: "describe-fast", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
        provisioner: "example.com",
        parameters: { b: "2", a: "1" },
        allowVolumeExpansion: true,
        mountOptions: ["ro", "noatime"],
        volumeBindingMode: "WaitForFirstConsumer",
        allowedTopologies: [
          {
            matchLabelExpressions: [
              { key: "zone", values: ["a", "b"] },
              { key: "rack", values: ["1"] },
            ],
          },
        ],
      },
      {
        apiVersion: "storage.k8s.io/v1",
        kind: "StorageClass",
        metadata: { name: "describe-slow" },
        provisioner: "example.com",
      },
      {
        apiVersion: "storage.k8s.io/v1",
        kind: "VolumeAttributesClass",
        metadata: { name: "describe-gold", annotations: { a: "b" } },
        driverName: "example.com",
        parameters: { iops: "100", speed: "fast" },
      },
      {
        apiVersion: "storage.k8s.io/v1",
        kind: "CSINode",
        metadata: { name: "describe-csi", annotations: { a: "b" } },
        spec: {
          drivers: [
            { name: "a.example.com", nodeID: "1", allocatable: { count: 5 }, topologyKeys: ["x", "y"] },
            { name: "b.example.com", nodeID: "2" },
          ],
        },
      },
    ],
    steps: [
      "describe pv describe-local",
      ...["host", "csi", "azure", "gluster", "scale", "rbd", "cinder", "flex", "iscsi"].map(
        (name) => `describe pv describe-${name}`,
      ),
      "describe pvc bound",
      "describe pvc waiting",
      "describe sc describe-fast",
      "describe sc describe-slow",
      "describe csinode describe-csi",
      "describe volumeattributesclass describe-gold",
    ],
  }),
];
