-- Late data (ADR-0028): windows of alerts that are to be judged again over the lake, and when that last changed an alert.

CREATE TABLE late_windows (
    tenant    TEXT    NOT NULL,
    alert_id  BLOB    NOT NULL,
    partition INTEGER NOT NULL,
    vehicle   TEXT    NOT NULL,                 -- empty if the rule counts over several
    from_us   INTEGER NOT NULL,                 -- rows at or after this time decide
    to_us     INTEGER NOT NULL,                 -- and before this one
    events    INTEGER NOT NULL,                 -- that touched it since it was last judged
    through   INTEGER NOT NULL,                 -- the last record that touched it
    since_us  INTEGER NOT NULL,                 -- since when it waits, by the server's clock
    PRIMARY KEY (tenant, alert_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX late_windows_next ON late_windows (partition, since_us);
CREATE INDEX late_windows_near ON late_windows (partition, tenant, vehicle, from_us);

ALTER TABLE alerts ADD COLUMN late_us INTEGER;

-- The life of rules (ADR-0035): alerts of rules in the shadow, what people say an alert was, what rules did not judge, what exceptions hid.

ALTER TABLE alerts ADD COLUMN shadow INTEGER NOT NULL DEFAULT 0;       -- 1: its rule is in the shadow; people hear nothing of it
ALTER TABLE alerts ADD COLUMN disposition INTEGER;                     -- 1 false positive, 2 true positive, 5 benign, 7 insufficient data (OCSF)
ALTER TABLE alert_changes ADD COLUMN disposition INTEGER;

CREATE TABLE rule_pauses (                      -- events that a rule which was too costly did not judge
    tenant    TEXT    NOT NULL,
    rule_id   TEXT    NOT NULL,
    since_us  INTEGER NOT NULL,                 -- when it was paused first, by the server's clock
    partition INTEGER NOT NULL,
    cause     TEXT    NOT NULL,                 -- the rule that was too costly: this one, or one that it counts
    cost_ns   INTEGER NOT NULL,                 -- what that cost an event
    first_us  INTEGER NOT NULL,                 -- receipt of the first and of the last record that it did not judge
    last_us   INTEGER NOT NULL,
    events    INTEGER NOT NULL,
    PRIMARY KEY (tenant, rule_id, since_us, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE exception_hits (                   -- matches that an exception hid, by the day of receipt
    tenant       TEXT    NOT NULL,
    exception_id TEXT    NOT NULL,
    day_us       INTEGER NOT NULL,
    partition    INTEGER NOT NULL,
    matches      INTEGER NOT NULL,
    PRIMARY KEY (tenant, exception_id, day_us, partition)
) STRICT, WITHOUT ROWID;
