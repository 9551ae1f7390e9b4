/**
 * The error for what a registry answered.
 *
 * @module
 */

import { CtrError, type CtrErrorFields, type ErrorCode } from "../errors.ts";

/** What a registry says of one thing that went wrong. */
export interface RegistryComplaint {
  readonly code: string;
  readonly message: string;
}

/** Fields beside those of every error. */
export interface RegistryErrorFields extends CtrErrorFields {
  readonly method: string;
  /** Without query and user information. */
  readonly url: string;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly errors: readonly RegistryComplaint[];
  /** How long the registry asks to wait. */
  readonly retryAfterMs?: number | undefined;
}

/** A registry refused, or could not be reached. */
export class RegistryError extends CtrError {
  override readonly name: string = "RegistryError";
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly errors: readonly RegistryComplaint[];
  readonly retryAfterMs: number | undefined;

  constructor(fields: RegistryErrorFields) {
    super(fields);
    this.method = fields.method;
    this.url = fields.url;
    this.status = fields.status;
    this.errors = fields.errors;
    this.retryAfterMs = fields.retryAfterMs;
  }
}

/** A URL as it may be shown: signatures and passwords are in what is cut. */
export function redact(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

const MAX_COMPLAINTS = 5;
const MAX_MESSAGE = 150;

/** The registry's list of complaints; an empty one when the body is something else. */
export function parseComplaints(body: string): RegistryComplaint[] {
  try {
    const { errors } = JSON.parse(body) as { errors?: unknown };
    if (!Array.isArray(errors)) return [];
    return errors.slice(0, MAX_COMPLAINTS).map((each: Record<string, unknown> | null) => ({
      code: String(each?.code ?? "UNKNOWN").slice(0, MAX_MESSAGE),
      message: String(each?.message ?? "").slice(0, MAX_MESSAGE),
    }));
  } catch {
    return [];
  }
}

/** Seconds or a date, in milliseconds from now. */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  405: "not_implemented",
  429: "resource_exhausted",
};

const PULL_REASONS: Readonly<Record<number, string>> = {
  401: "no such repository, or it is private (401)",
  403: "no such repository, or access is denied (403)",
  404: "there is no such image (404)",
};

const REASONS: Readonly<Record<number, string>> = {
  401: "it does not know who you are (401)",
  403: "access is denied (403)",
  405: "it does not support this (405)",
  429: "the registry asks to come back later (429)",
};

/** An answer that is not a success, as an error. */
export function refusal(
  status: number,
  request: { method: string; url: URL; subject: string; registry: string; operation: string },
  body: string,
  retryAfter: string | null = null,
): RegistryError {
  const { method, url, subject, registry, operation } = request;
  const errors = parseComplaints(body);
  const said = errors.map(({ code, message }) => message || code).join("; ");
  const ours = (operation === "pull" ? PULL_REASONS[status] : undefined) ?? REASONS[status] ??
    `it answered ${status}`;
  // Of what is not there, or not for everybody, registries have nothing to add.
  const reason = status === 401 || status === 404 || said === "" ? ours : `${ours}: ${said}`;
  return new RegistryError({
    code: CODES[status] ?? (status >= 500 ? "unavailable" : "failed_precondition"),
    operation,
    subject,
    reason: `${registry}: ${reason}`,
    ...(status === 401 || status === 403) && operation !== "log in to"
      ? { hint: 'run "ctr login" if it is yours' }
      : {},
    method,
    url: redact(url),
    status,
    errors,
    retryAfterMs: parseRetryAfter(retryAfter, Date.now()),
  });
}
