-- Late data (ADR-0028): windows of alerts that are to be judged again over the lake, and when that last changed an alert.

CREATE TABLE late_windows (
    tenant    TEXT   COLLATE "C" NOT NULL,
    alert_id  BYTEA  NOT NULL,
    partition BIGINT NOT NULL,
    vehicle   TEXT   COLLATE "C" NOT NULL,      -- empty if the rule counts over several
    from_us   BIGINT NOT NULL,                  -- rows at or after this time decide
    to_us     BIGINT NOT NULL,                  -- and before this one
    events    BIGINT NOT NULL,                  -- that touched it since it was last judged
    through   BIGINT NOT NULL,                  -- the last record that touched it
    since_us  BIGINT NOT NULL,                  -- since when it waits, by the server's clock
    PRIMARY KEY (tenant, alert_id)
);
CREATE INDEX late_windows_next ON late_windows (partition, since_us);
CREATE INDEX late_windows_near ON late_windows (partition, tenant, vehicle, from_us);

ALTER TABLE alerts ADD COLUMN late_us BIGINT;

-- The life of rules (ADR-0035): alerts of rules in the shadow, what people say an alert was, what rules did not judge, what exceptions hid.

ALTER TABLE alerts ADD COLUMN shadow BIGINT NOT NULL DEFAULT 0;        -- 1: its rule is in the shadow; people hear nothing of it
ALTER TABLE alerts ADD COLUMN disposition BIGINT;                      -- 1 false positive, 2 true positive, 5 benign, 7 insufficient data (OCSF)
ALTER TABLE alert_changes ADD COLUMN disposition BIGINT;

CREATE TABLE rule_pauses (                      -- events that a rule which was too costly did not judge
    tenant    TEXT   COLLATE "C" NOT NULL,
    rule_id   TEXT   COLLATE "C" NOT NULL,
    since_us  BIGINT NOT NULL,                  -- when it was paused first, by the server's clock
    partition BIGINT NOT NULL,
    cause     TEXT   COLLATE "C" NOT NULL,      -- the rule that was too costly: this one, or one that it counts
    cost_ns   BIGINT NOT NULL,                  -- what that cost an event
    first_us  BIGINT NOT NULL,                  -- receipt of the first and of the last record that it did not judge
    last_us   BIGINT NOT NULL,
    events    BIGINT NOT NULL,
    PRIMARY KEY (tenant, rule_id, since_us, partition)
);

CREATE TABLE exception_hits (                   -- matches that an exception hid, by the day of receipt
    tenant       TEXT   COLLATE "C" NOT NULL,
    exception_id TEXT   COLLATE "C" NOT NULL,
    day_us       BIGINT NOT NULL,
    partition    BIGINT NOT NULL,
    matches      BIGINT NOT NULL,
    PRIMARY KEY (tenant, exception_id, day_us, partition)
);
