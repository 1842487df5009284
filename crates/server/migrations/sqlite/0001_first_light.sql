-- The state of one server (ADR-0010). What the pipeline writes is derived from the vault; devices, people and what they did are not.
-- Times are microseconds since 1970, hashes are raw bytes, the tenant leads every key. Positions count vault records from 0.

-- Devices and how they come in.

CREATE TABLE enrolment_tokens (
    hash        BLOB    NOT NULL PRIMARY KEY,   -- SHA-256 of the token
    tenant      TEXT    NOT NULL,
    vehicle     TEXT    NOT NULL,
    sensor      TEXT    NOT NULL,
    model       TEXT    NOT NULL,
    created_us  INTEGER NOT NULL,
    expires_us  INTEGER NOT NULL,
    public_key  BLOB,                           -- the key that used it
    fingerprint BLOB                            -- the certificate that was issued for it
) STRICT;

CREATE TABLE devices (
    tenant      TEXT    NOT NULL,
    vehicle     TEXT    NOT NULL,
    sensor      TEXT    NOT NULL,
    model       TEXT    NOT NULL,
    enrolled_us INTEGER NOT NULL,               -- first enrolment
    fingerprint BLOB    NOT NULL,               -- SHA-256 of the certificate in force
    revoked_us  INTEGER,
    PRIMARY KEY (tenant, vehicle, sensor)
) STRICT, WITHOUT ROWID;

CREATE TABLE certificates (                     -- all that were ever issued: old reports stay verifiable
    tenant      TEXT    NOT NULL,
    vehicle     TEXT    NOT NULL,
    sensor      TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    der         BLOB    NOT NULL,
    position    INTEGER NOT NULL,               -- its record in the vault
    enrolled_us INTEGER NOT NULL,
    expires_us  INTEGER NOT NULL,
    PRIMARY KEY (tenant, vehicle, sensor, fingerprint)
) STRICT, WITHOUT ROWID;

-- People.

CREATE TABLE sign_in_tokens (
    hash        BLOB    NOT NULL PRIMARY KEY,
    tenant      TEXT    NOT NULL,
    user_name   TEXT    NOT NULL,
    created_us  INTEGER NOT NULL,
    expires_us  INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    hash        BLOB    NOT NULL PRIMARY KEY,
    tenant      TEXT    NOT NULL,
    user_name   TEXT    NOT NULL,
    created_us  INTEGER NOT NULL,
    expires_us  INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    id          INTEGER NOT NULL PRIMARY KEY,
    tenant      TEXT    NOT NULL,
    time_us     INTEGER NOT NULL,
    user_name   TEXT    NOT NULL,
    action      TEXT    NOT NULL,               -- sign-in, sign-out, alert-status
    target      TEXT    NOT NULL,
    detail      TEXT    NOT NULL
) STRICT;

-- Alerts: written by the pipeline, status by people.

CREATE TABLE alerts (
    tenant      TEXT    NOT NULL,
    alert_id    BLOB    NOT NULL,               -- SHA-256 over rule, group and window
    rule_id     TEXT    NOT NULL,
    title_en    TEXT    NOT NULL,
    title_ja    TEXT    NOT NULL,
    severity    INTEGER NOT NULL,               -- 1 informational .. 5 critical
    status      INTEGER NOT NULL DEFAULT 0,     -- 0 open, 1 acknowledged, 2 closed
    vehicle     TEXT,
    technique   TEXT,
    group_json  TEXT    NOT NULL,
    match_json  TEXT    NOT NULL,
    window_us   INTEGER NOT NULL,
    first_us    INTEGER NOT NULL,
    last_us     INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    raised_us   INTEGER NOT NULL,               -- when this server first raised it: sorts the list
    vehicles_counted INTEGER NOT NULL,          -- by the rule itself, if it counts vehicles
    domain      TEXT    NOT NULL,               -- what the rule looks at
    motion      INTEGER NOT NULL,               -- of the vehicle at its events: 0 unknown, 1 stood, 2 moved
    PRIMARY KEY (tenant, alert_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_newest ON alerts (tenant, raised_us DESC, alert_id);
CREATE INDEX alerts_not_closed ON alerts (tenant, vehicle, severity) WHERE status < 2;

CREATE TABLE alert_events (
    tenant      TEXT    NOT NULL,
    alert_id    BLOB    NOT NULL,
    position    INTEGER NOT NULL,
    entry_index INTEGER NOT NULL,
    vehicle     TEXT    NOT NULL,
    PRIMARY KEY (tenant, alert_id, position, entry_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert_changes (
    tenant      TEXT    NOT NULL,
    alert_id    BLOB    NOT NULL,
    time_us     INTEGER NOT NULL,
    user_name   TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    note        TEXT,
    id          INTEGER NOT NULL PRIMARY KEY
) STRICT;
CREATE INDEX alert_changes_of ON alert_changes (tenant, alert_id);

-- Incidents (ADR-0034): which alerts belong together, derived from them; status by people.

CREATE TABLE incidents (
    tenant      TEXT    NOT NULL,
    incident_id BLOB    NOT NULL,               -- SHA-256 over kind and first alert
    kind        INTEGER NOT NULL,               -- 0 story, 1 wave
    status      INTEGER NOT NULL DEFAULT 0,     -- as of alerts
    listed      INTEGER NOT NULL,               -- 1: stands in the list by itself
    score       INTEGER NOT NULL,               -- 0 .. 100
    severity    INTEGER NOT NULL,               -- 1 informational .. 5 critical
    title_en    TEXT    NOT NULL,
    title_ja    TEXT    NOT NULL,
    first_us    INTEGER NOT NULL,
    last_us     INTEGER NOT NULL,
    opened_us   INTEGER NOT NULL,               -- when this server made it
    touched_us  INTEGER NOT NULL,               -- when it last changed
    alerts      INTEGER NOT NULL,
    vehicles    INTEGER NOT NULL,               -- that its alerts name
    models      INTEGER NOT NULL,               -- of these vehicles
    rules       INTEGER NOT NULL,
    vehicles_counted INTEGER NOT NULL,          -- as many, or as many as a rule counted
    merged_into BLOB,                           -- the elder that it is part of now
    PRIMARY KEY (tenant, incident_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX incidents_by_score ON incidents (tenant, score DESC, opened_us DESC, incident_id) WHERE listed = 1;
CREATE INDEX incidents_newest ON incidents (tenant, opened_us DESC, incident_id) WHERE listed = 1;
CREATE INDEX incidents_merged ON incidents (tenant, merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX incidents_touched ON incidents (touched_us);

CREATE TABLE incident_alerts (
    tenant      TEXT    NOT NULL,
    incident_id BLOB    NOT NULL,
    alert_id    BLOB    NOT NULL,
    PRIMARY KEY (tenant, incident_id, alert_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_alerts_of ON incident_alerts (tenant, alert_id);

CREATE TABLE incident_rules (                   -- what each rule adds to an incident: its score is made of these
    tenant      TEXT    NOT NULL,
    incident_id BLOB    NOT NULL,
    rule_id     TEXT    NOT NULL,
    title_en    TEXT    NOT NULL,
    title_ja    TEXT    NOT NULL,
    severity    INTEGER NOT NULL,
    technique   TEXT,
    domain      TEXT    NOT NULL,
    event       INTEGER NOT NULL,               -- severity of its events by the catalogue; 0 unknown
    motion      INTEGER NOT NULL,               -- as of alerts
    vehicles_counted INTEGER NOT NULL,
    first_us    INTEGER NOT NULL,
    last_us     INTEGER NOT NULL,
    alerts      INTEGER NOT NULL,
    PRIMARY KEY (tenant, incident_id, rule_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE incident_parts (                   -- what its alerts name
    tenant      TEXT    NOT NULL,
    incident_id BLOB    NOT NULL,
    part        INTEGER NOT NULL,               -- 0 vehicle, 1 model, 2 anything else that alerts group by
    field       TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    PRIMARY KEY (tenant, incident_id, part, field, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_parts_of ON incident_parts (tenant, part, name);

CREATE TABLE incident_spans (                   -- what joins further alerts to it, and from when to when
    tenant      TEXT    NOT NULL,
    incident_id BLOB    NOT NULL,
    span_key    BLOB    NOT NULL,
    first_us    INTEGER NOT NULL,
    last_us     INTEGER NOT NULL,
    PRIMARY KEY (tenant, incident_id, span_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_spans_near ON incident_spans (tenant, span_key, last_us);

CREATE TABLE incident_changes (
    tenant      TEXT    NOT NULL,
    incident_id BLOB    NOT NULL,
    time_us     INTEGER NOT NULL,
    user_name   TEXT    NOT NULL,               -- empty: the server opened it again
    status      INTEGER NOT NULL,
    note        TEXT,
    id          INTEGER NOT NULL PRIMARY KEY
) STRICT;
CREATE INDEX incident_changes_of ON incident_changes (tenant, incident_id);

CREATE TABLE incident_queue (                   -- alerts that changed and were not looked at since; written with the change
    id          INTEGER NOT NULL PRIMARY KEY,
    tenant      TEXT    NOT NULL,
    alert_id    BLOB    NOT NULL
) STRICT;

CREATE TABLE incident_keeper (                  -- who puts alerts together: the owner of partition 0, by its epoch
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL
) STRICT;

-- What the pipeline knows of each sensor.

CREATE TABLE chains (
    tenant        TEXT    NOT NULL,
    vehicle       TEXT    NOT NULL,
    sensor        TEXT    NOT NULL,
    boot          INTEGER,                      -- of its highest report, as are the next three
    sequence      INTEGER,
    digest        BLOB,
    position      INTEGER,
    last_seen_us  INTEGER,                      -- receive time of its last report
    lost_events   INTEGER NOT NULL DEFAULT 0,
    lost_frames   INTEGER NOT NULL DEFAULT 0,
    lost_excerpts INTEGER NOT NULL DEFAULT 0,
    lost_reports  INTEGER NOT NULL DEFAULT 0,
    missing       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, vehicle, sensor)
) STRICT, WITHOUT ROWID;

CREATE TABLE rates (
    tenant  TEXT    NOT NULL,
    step_us INTEGER NOT NULL,                   -- start of a step of 5 s, receive time
    events  INTEGER NOT NULL,
    reports INTEGER NOT NULL,
    PRIMARY KEY (tenant, step_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE vehicle_hours (
    tenant  TEXT    NOT NULL,
    vehicle TEXT    NOT NULL,
    hour_us INTEGER NOT NULL,                   -- start of an hour, receive time
    events  INTEGER NOT NULL,
    PRIMARY KEY (tenant, vehicle, hour_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE totals (
    tenant  TEXT    NOT NULL PRIMARY KEY,
    events  INTEGER NOT NULL,
    reports INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE losses (
    tenant   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind)
) STRICT, WITHOUT ROWID;

-- How far the pipeline is. One row; `position` moves in the same transaction as everything above that it explains.

CREATE TABLE pipeline (
    id                INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    position          INTEGER NOT NULL,         -- the next record to be judged
    snapshot_position INTEGER NOT NULL,         -- the next record that the engine of `snapshot` has not seen
    snapshot          BLOB,
    lake_position     INTEGER NOT NULL          -- the next record whose rows may be missing in the lake
) STRICT;
INSERT INTO pipeline VALUES (1, 0, 0, NULL, 0);

CREATE TABLE alert_rows (                       -- rows of the lake's alerts table that are not in it yet
    id          INTEGER NOT NULL PRIMARY KEY,
    applied     INTEGER NOT NULL,               -- last record of the batch that raised it: compared with the lake's version
    tenant      TEXT    NOT NULL,
    alert_id    BLOB    NOT NULL,
    rule_id     TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    severity    INTEGER NOT NULL,
    vehicle     TEXT,
    group_json  TEXT    NOT NULL,
    window_us   INTEGER NOT NULL,
    time_us     INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    entry_index INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,            -- console_url
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
