/**
 * Where cosign keeps signatures: under the tag `sha256-HEX.sig`, or in manifests that refer to the
 * image, as its own artifact or as Sigstore bundles. All of it is hostile.
 *
 * @see https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
 * @see https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md
 * @module
 */

import { isNotFound } from "../../errors.ts";
import { type Descriptor, parseJsonObject, readDescriptor } from "../../oci/mod.ts";
import type { Registry } from "../../pull/mod.ts";
import { BUNDLE, type FoundSignature, SIGNATURE_ARTIFACT, SIMPLE_SIGNING } from "./types.ts";

/** Bounds what a repository makes us read. */
const MAX_SIGNATURES = 200;
const MAX_PAYLOAD = 4 << 20;

const SIGNATURE = "dev.cosignproject.cosign/signature";
const CERTIFICATE = "dev.sigstore.cosign/certificate";
const LOG = "dev.sigstore.cosign/bundle";
const TIMESTAMP = "dev.sigstore.cosign/rfc3161timestamp";

/** All signatures of a manifest, those under its tag first. */
export async function* findSignatures(
  registry: Registry,
  digest: string,
): AsyncGenerator<FoundSignature> {
  const seen = new Set<string>();
  let left = MAX_SIGNATURES;
  const read = async function* (reference: string): AsyncGenerator<FoundSignature> {
    const document = await registry.manifest(reference).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    if (document === undefined || seen.has(document.descriptor.digest)) return;
    const where = document.descriptor.digest;
    seen.add(where);
    const { layers } = parseJsonObject(document.bytes, where);
    for (const value of Array.isArray(layers) ? layers : []) {
      if (left-- <= 0) return;
      const found = await signatureIn(registry, readDescriptor(value, where), where);
      if (found !== undefined) yield found;
    }
  };
  yield* read(`${digest.replace(":", "-")}.sig`);
  for (const { digest: referrer, artifactType = "" } of await registry.referrers(digest)) {
    if (artifactType === SIGNATURE_ARTIFACT || BUNDLE.test(artifactType)) yield* read(referrer);
  }
}

async function signatureIn(
  registry: Registry,
  { annotations = {}, digest, mediaType, size }: Descriptor,
  where: string,
): Promise<FoundSignature | undefined> {
  if (size > MAX_PAYLOAD || (mediaType !== SIMPLE_SIGNING && !BUNDLE.test(mediaType))) {
    return undefined;
  }
  const parts: Uint8Array[] = [];
  for await (const part of registry.blob({ digest, mediaType, size })) parts.push(part);
  const payload = new Uint8Array(Buffer.concat(parts));
  if (mediaType !== SIMPLE_SIGNING) {
    return { form: "bundle", where, json: parseJsonObject(payload, digest) };
  }
  const signature = annotations[SIGNATURE];
  return signature === undefined ? undefined : {
    form: "simple",
    where,
    payload,
    signature,
    certificate: annotations[CERTIFICATE],
    log: annotations[LOG],
    timestamp: annotations[TIMESTAMP],
  };
}
