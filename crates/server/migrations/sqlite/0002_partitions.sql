-- Progress by partition, each with the epoch of whoever owns it (ADR-0025). What was there belongs to partition 0.
-- Counts that every batch touches are kept by partition, so that owners of different partitions never wait for each other.

CREATE TABLE pipeline_of (
    partition         INTEGER NOT NULL PRIMARY KEY,
    epoch             INTEGER NOT NULL,         -- grows with every owner; a write that names an older one is refused
    position          INTEGER NOT NULL,         -- the next record to be judged
    snapshot_position INTEGER NOT NULL,         -- the next record that the engine in `snapshots` has not seen
    lake_position     INTEGER NOT NULL          -- the next record whose rows may be missing in the lake
) STRICT;
INSERT INTO pipeline_of SELECT 0, 0, position, snapshot_position, lake_position FROM pipeline;

-- Apart from the row that every batch rewrites: an engine may be megabytes.
CREATE TABLE snapshots (
    partition INTEGER NOT NULL PRIMARY KEY,
    snapshot  BLOB    NOT NULL
) STRICT;
INSERT INTO snapshots SELECT 0, snapshot FROM pipeline WHERE snapshot IS NOT NULL;
DROP TABLE pipeline;
ALTER TABLE pipeline_of RENAME TO pipeline;

ALTER TABLE alert_rows ADD COLUMN partition INTEGER NOT NULL DEFAULT 0;
CREATE INDEX alert_rows_of ON alert_rows (partition, applied);

CREATE TABLE rates_of (
    tenant    TEXT    NOT NULL,
    step_us   INTEGER NOT NULL,                 -- start of a step of 5 s, receive time
    partition INTEGER NOT NULL,
    events    INTEGER NOT NULL,
    reports   INTEGER NOT NULL,
    PRIMARY KEY (tenant, step_us, partition)
) STRICT, WITHOUT ROWID;
INSERT INTO rates_of SELECT tenant, step_us, 0, events, reports FROM rates;
DROP TABLE rates;
ALTER TABLE rates_of RENAME TO rates;

CREATE TABLE totals_of (
    tenant    TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    events    INTEGER NOT NULL,
    reports   INTEGER NOT NULL,
    PRIMARY KEY (tenant, partition)
) STRICT, WITHOUT ROWID;
INSERT INTO totals_of SELECT tenant, 0, events, reports FROM totals;
DROP TABLE totals;
ALTER TABLE totals_of RENAME TO totals;

CREATE TABLE losses_of (
    tenant    TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    since_us  INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, partition)
) STRICT, WITHOUT ROWID;
INSERT INTO losses_of SELECT tenant, kind, 0, count, since_us FROM losses;
DROP TABLE losses;
ALTER TABLE losses_of RENAME TO losses;

ALTER TABLE vehicle_hours ADD COLUMN partition INTEGER NOT NULL DEFAULT 0;
CREATE INDEX vehicle_hours_old ON vehicle_hours (partition, hour_us);

-- When an alert was last raised or raised again, by the server's clock: who shows alerts as they come asks for what is new.
ALTER TABLE alerts ADD COLUMN touched_us INTEGER NOT NULL DEFAULT 0;
UPDATE alerts SET touched_us = raised_us;
CREATE INDEX alerts_touched ON alerts (touched_us);

-- Revocations are records of the vault too; `revoked_us` without a place is one whose record is still to be written.
ALTER TABLE devices ADD COLUMN revoked_reason TEXT;
ALTER TABLE devices ADD COLUMN revocation_place INTEGER;
CREATE INDEX devices_revoked ON devices (revoked_us) WHERE revoked_us IS NOT NULL;
CREATE INDEX certificates_issued ON certificates (enrolled_us);
