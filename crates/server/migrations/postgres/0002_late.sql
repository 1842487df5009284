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
