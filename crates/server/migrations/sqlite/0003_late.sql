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
