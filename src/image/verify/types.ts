/**
 * The words of signature verification.
 *
 * @module
 */

/** What a signature must be. A public key, or an identity; never neither. */
export interface SignaturePolicy {
  /** PEM of the public key that signed. */
  readonly key?: string | undefined;
  /** Who signed, by Fulcio's certificate: an address or URL, exactly or by a regular expression. */
  readonly identity?: string | undefined;
  readonly identityPattern?: string | undefined;
  /** Who vouched for that identity. */
  readonly issuer?: string | undefined;
  readonly issuerPattern?: string | undefined;
  /**
   * Sigstore's `trusted_root.json`: authorities of certificates, logs and timestamps. Default without
   * a key: that of the public instance, fetched and kept by The Update Framework.
   */
  readonly trustedRoot?: unknown;
  /** Where {@link trustedRoot} is fetched from, if not given. */
  readonly tuf?: TufOptions | undefined;
  /** Members of `optional` that the signed payload must have. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A repository of The Update Framework. */
export interface TufOptions {
  /** Default `https://tuf-repo-cdn.sigstore.dev`. */
  readonly mirror?: string | undefined;
  /** File of the first `root.json`; the public instance's is built in. */
  readonly root?: string | undefined;
  /** Directory that metadata is kept in; default: in the store. */
  readonly cache?: string | undefined;
}

/** A signature as it was found, not yet trusted. */
export type FoundSignature =
  | {
    readonly form: "simple";
    /** Manifest and layer, for messages. */
    readonly where: string;
    readonly payload: Uint8Array;
    /** Base64. */
    readonly signature: string;
    /** PEM of the signer's certificate, when there is no key. */
    readonly certificate: string | undefined;
    /** The log's entry, JSON. */
    readonly log: string | undefined;
    /** A timestamp by RFC 3161, JSON. */
    readonly timestamp: string | undefined;
  }
  | { readonly form: "bundle"; readonly where: string; readonly json: unknown };

/** A signature that is what the policy wants. */
export interface VerifiedSignature {
  /** `key`, or `identity` for a certificate. */
  readonly by: "key" | "identity";
  /** Of the certificate. */
  readonly identity?: string | undefined;
  readonly issuer?: string | undefined;
  /** The manifest that has it. */
  readonly where: string;
  /** What was signed: cosign's payload, or an in-toto statement. */
  readonly payload: unknown;
}

/** An image that is signed as wanted. */
export interface VerifiedImage {
  /** Canonical, with the digest that was looked at. */
  readonly name: string;
  readonly digest: string;
  readonly signatures: readonly VerifiedSignature[];
}

/** Media type of cosign's payload. */
export const SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json";
/** Of a signature's manifest that refers to its image. */
export const SIGNATURE_ARTIFACT = "application/vnd.dev.cosign.artifact.sig.v1+json";
/** Of a Sigstore bundle, of any version. */
export const BUNDLE = /^application\/vnd\.dev\.sigstore\.bundle(\.v\d+\.\d+)?\+json/;
