/**
 * PAX extended header records: `LENGTH KEY=VALUE\n`, where a value may be any bytes.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_03
 * @module
 */

import { CtrError } from "../errors.ts";
import { REPEATED } from "./tar_sparse.ts";

/**
 * The records of one extended header by key; the last of a key wins, an empty value deletes it. Those of
 * a sparse map are joined by commas.
 *
 * @throws {CtrError} `data_loss` when a record does not have the form.
 */
export function readPaxRecords(bytes: Uint8Array): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  const repeated = new Map<string, Buffer[]>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.subarray(at, at + 12).indexOf(0x20);
    const length = space > 0 ? decimal(bytes.subarray(at, at + space)) : NaN;
    const end = at + length;
    if (!(length > space + 2) || end > bytes.length || bytes[end - 1] !== 0x0a) throw malformed();
    const record = bytes.subarray(at + space + 1, end - 1);
    const equals = record.indexOf(0x3d);
    if (equals < 1) throw malformed();
    const key = String.fromCharCode(...record.subarray(0, Math.min(equals, 4096)));
    const value = record.slice(equals + 1);
    if (REPEATED.has(key)) gather(repeated, key, value);
    else if (value.length === 0 && !key.startsWith("SCHILY.xattr.")) records.delete(key);
    else records.set(key, value);
    at = end;
  }
  for (const [key, values] of repeated) records.set(key, new Uint8Array(Buffer.concat(values)));
  return records;
}

function gather(lists: Map<string, Buffer[]>, key: string, value: Uint8Array): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [Buffer.from(value)]);
  else list.push(Buffer.from(","), Buffer.from(value));
}

function decimal(bytes: Uint8Array): number {
  const text = String.fromCharCode(...bytes);
  return /^[0-9]+$/.test(text) ? Number(text) : NaN;
}

function malformed(): CtrError {
  return new CtrError({
    code: "data_loss",
    operation: "read tar archive",
    reason: "a PAX record is malformed",
  });
}
