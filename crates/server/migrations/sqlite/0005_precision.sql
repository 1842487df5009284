-- How often a rule was right, in the score of incidents (ADR-0034).

ALTER TABLE incident_rules ADD COLUMN precision_percent INTEGER;       -- when the incident was weighed last; NULL: too few alerts were judged
CREATE INDEX alerts_judged ON alerts (tenant, rule_id, raised_us, disposition) WHERE disposition IN (1, 2);
