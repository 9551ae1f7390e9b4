/**
 * The database's shape, one list entry per version: entry N brings a database from `user_version` N
 * to N + 1. Entries are never edited after a release, only appended.
 *
 * @module
 */

/** SQL that brings the schema from each version to the next. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE images (
    name TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    labels TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX images_digest ON images (digest);

  -- What a target digest means on a platform: written by pull, so that a start reads no blob.
  CREATE TABLE variants (
    target TEXT NOT NULL,
    platform TEXT NOT NULL,
    manifest TEXT NOT NULL,
    id TEXT NOT NULL,
    chain_id TEXT NOT NULL,
    size INTEGER NOT NULL,
    config TEXT NOT NULL,
    PRIMARY KEY (target, platform)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX variants_id ON variants (id);

  CREATE TABLE containers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;

  -- AUTOINCREMENT: a number names a directory and is never given twice.
  CREATE TABLE snapshots (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    snapshotter TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('committed', 'active', 'view')),
    parent INTEGER REFERENCES snapshots (number),
    labels TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0,
    inodes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (snapshotter, name)
  ) STRICT;
  CREATE INDEX snapshots_parent ON snapshots (parent);
  `,
  `
  -- What a process needs that no image, container or snapshot refers to (yet); see leases.ts.
  -- AUTOINCREMENT: whoever collects can tell how many there have been.
  CREATE TABLE leases (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE held (
    lease TEXT NOT NULL REFERENCES leases (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('image', 'blob', 'snapshot')),
    name TEXT NOT NULL,
    PRIMARY KEY (lease, kind, name)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE networks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    next_address TEXT NOT NULL,
    record TEXT NOT NULL
  ) STRICT;

  -- What running containers have: gone with the task, or swept when somebody else wants it.
  CREATE TABLE endpoints (
    network TEXT NOT NULL REFERENCES networks (id),
    container TEXT NOT NULL,
    ipv4 TEXT,
    ipv6 TEXT,
    record TEXT NOT NULL,
    UNIQUE (network, container),
    UNIQUE (network, ipv4),
    UNIQUE (network, ipv6)
  ) STRICT;
  CREATE INDEX endpoints_container ON endpoints (container);

  CREATE TABLE ports (
    protocol TEXT NOT NULL,
    host_address TEXT NOT NULL,
    host_port INTEGER NOT NULL,
    container TEXT NOT NULL,
    network TEXT NOT NULL,
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    UNIQUE (protocol, host_port, host_address)
  ) STRICT;
  CREATE INDEX ports_container ON ports (container);
  `,
];
