/**
 * An image as `image inspect` shows it: Docker's form, or the documents themselves as nerdctl does.
 *
 * @module
 */

import type { ImageDetails } from "../src/image/mod.ts";

/** The forms of `--mode`. */
export type InspectMode = "dockercompat" | "native";

/** What Docker shows of a configuration that does not say. */
const CONFIG = {
  User: "",
  Env: null,
  Cmd: null,
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

/** The object that is printed. */
export function imageView(details: ImageDetails, mode: InspectMode): unknown {
  return mode === "native" ? native(details) : dockerCompatible(details);
}

function dockerCompatible(details: ImageDetails): unknown {
  const { image, record, summary, snapshotter } = details;
  // Of an artifact there is the manifest.
  const config = (details.config.content ?? {}) as Partial<typeof image.config>;
  const size = summary?.platforms.find(({ id }) => id === image.id)?.size ?? image.size;
  const isHere = summary?.repoTags.length !== 0;
  return {
    Id: image.id,
    RepoTags: summary?.repoTags ?? [],
    RepoDigests: summary?.repoDigests ?? [],
    Parent: "",
    Comment: config.history?.at(-1)?.comment ?? "",
    Created: config.created ?? "",
    DockerVersion: "",
    Author: config.author ?? "",
    Config: { ...CONFIG, ...config.config },
    Architecture: config.architecture ?? "",
    ...config.variant === undefined ? {} : { Variant: config.variant },
    Os: config.os ?? "",
    Size: size,
    VirtualSize: size,
    GraphDriver: { Data: null, Name: snapshotter },
    RootFS: { Type: "layers", Layers: config.rootfs?.diff_ids ?? [] },
    Metadata: {
      LastTagTime: isHere && record !== undefined ? moment(record.updatedAt) : NEVER,
    },
    Descriptor: {
      mediaType: record?.target.mediaType ?? details.manifest.descriptor.mediaType,
      digest: image.target,
      size: record?.target.size ?? details.manifest.descriptor.size,
    },
  };
}

/** Go's zero time. */
const NEVER = "0001-01-01T00:00:00Z";

function native(details: ImageDetails): unknown {
  const { image, record, index, manifest, config, snapshotter, summary } = details;
  return {
    Image: {
      Name: image.name,
      Labels: record?.labels ?? {},
      Target: record?.target ?? manifest.descriptor,
      ...record === undefined
        ? {}
        : { CreatedAt: moment(record.createdAt), UpdatedAt: moment(record.updatedAt) },
    },
    ...index === undefined ? {} : { IndexDesc: index.descriptor, Index: index.content },
    ManifestDesc: manifest.descriptor,
    Manifest: manifest.content,
    ImageConfigDesc: config.descriptor,
    ImageConfig: config.content,
    Platforms: summary?.platforms ?? [],
    Snapshotter: snapshotter,
    Size: image.size,
  };
}

function moment(ms: number): string {
  return new Date(ms).toISOString();
}
