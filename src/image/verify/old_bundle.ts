/**
 * A signature in the annotations of cosign's own form, as a Sigstore bundle: the same facts, in the
 * form that Sigstore's libraries take.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { refused } from "./payload.ts";
import type { FoundSignature } from "./types.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/;

/** The bundle, version 0.1. @throws {CtrError} when the signature has no certificate or log entry */
export function toBundle(found: FoundSignature & { readonly form: "simple" }): unknown {
  const { certificate, log, payload, signature, timestamp } = found;
  const rawBytes = CERTIFICATE.exec(certificate ?? "")?.[1]?.replace(/\s/g, "");
  if (rawBytes === undefined) throw refused("it has no certificate");
  if (log === undefined) throw refused("it has no entry of a transparency log");
  const digest = createHash("sha256").update(payload).digest("base64");
  return {
    mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
    verificationMaterial: {
      x509CertificateChain: { certificates: [{ rawBytes }] },
      tlogEntries: [entryOf(log)],
      ...timestamp === undefined ? {} : {
        timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: stampOf(timestamp) }] },
      },
    },
    messageSignature: { messageDigest: { algorithm: "SHA2_256", digest }, signature },
  };
}

function entryOf(log: string): unknown {
  try {
    const { SignedEntryTimestamp, Payload } = JSON.parse(log);
    const { body, integratedTime, logIndex, logID } = Payload;
    const { kind, apiVersion } = JSON.parse(Buffer.from(body, "base64").toString());
    return {
      logIndex: String(logIndex),
      logId: { keyId: Buffer.from(String(logID), "hex").toString("base64") },
      kindVersion: { kind, version: apiVersion },
      integratedTime: String(integratedTime),
      inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
      canonicalizedBody: body,
    };
  } catch (cause) {
    throw refused("its entry of a transparency log is malformed", cause);
  }
}

function stampOf(timestamp: string): unknown {
  try {
    return JSON.parse(timestamp).SignedRFC3161Timestamp;
  } catch (cause) {
    throw refused("its timestamp is malformed", cause);
  }
}
