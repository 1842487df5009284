-- Products and what is known to be wrong with them (ADR-0041): people, products, their versions and SBOMs, findings, decisions, notices.

CREATE TABLE owners (                           -- people in charge; whoever signs in is in `sessions`
    tenant    TEXT   COLLATE "C" NOT NULL,
    owner_id  BYTEA  NOT NULL,
    name      TEXT   COLLATE "C" NOT NULL,
    email     TEXT   COLLATE "C" NOT NULL,
    language  TEXT   COLLATE "C" NOT NULL,                  -- en, ja
    teams     TEXT   COLLATE "C" NOT NULL,                  -- one a line
    next_id   BYTEA ,                           -- who is told if this one does not answer
    UNIQUE (tenant, email),
    PRIMARY KEY (tenant, owner_id)
);

CREATE TABLE owner_routes (                     -- who is in charge of components, by the beginning of their package URLs
    tenant   TEXT   COLLATE "C" NOT NULL,
    pattern  TEXT   COLLATE "C" NOT NULL,                   -- empty: of whatever nobody else is in charge of
    owner_id BYTEA  NOT NULL,
    PRIMARY KEY (tenant, pattern)
);

CREATE TABLE products (
    tenant     TEXT   COLLATE "C" NOT NULL,
    product_id BYTEA  NOT NULL,
    name       TEXT   COLLATE "C" NOT NULL,
    kind       BIGINT NOT NULL,                 -- 0 vehicle line, 1 control unit, 2 software
    line       TEXT   COLLATE "C" NOT NULL,                 -- the product line that it belongs to; empty if none
    owner_id   BYTEA ,
    models     TEXT   COLLATE "C" NOT NULL,                 -- vehicle models that have it, one a line
    added_us   BIGINT NOT NULL,
    UNIQUE (tenant, name),
    PRIMARY KEY (tenant, product_id)
);

CREATE TABLE releases (                         -- product versions
    tenant       TEXT   COLLATE "C" NOT NULL,
    release_id   BYTEA  NOT NULL,
    product_id   BYTEA  NOT NULL,
    version      TEXT   COLLATE "C" NOT NULL,
    vehicles     BIGINT NOT NULL,               -- vehicles that run it, as the maker says
    added_us     BIGINT NOT NULL,
    sbom         BYTEA ,                        -- SHA-256 of the SBOM that holds; absent before the first
    format       TEXT   COLLATE "C" NOT NULL,
    components   BIGINT NOT NULL,
    unidentified BIGINT NOT NULL,
    unversioned  BIGINT NOT NULL,
    anomalies    TEXT   COLLATE "C" NOT NULL,               -- what is wrong with the SBOM, one a line: place, tab, what
    matched_by   TEXT   COLLATE "C" NOT NULL,               -- the mark of the advisories that it was matched with; empty: never
    matched_us   BIGINT NOT NULL,
    UNIQUE (tenant, product_id, version),
    PRIMARY KEY (tenant, release_id)
);
CREATE INDEX releases_matched ON releases (matched_by);

CREATE TABLE sboms (                            -- every SBOM that was uploaded for a product version
    tenant     TEXT   COLLATE "C" NOT NULL,
    release_id BYTEA  NOT NULL,
    digest     BYTEA  NOT NULL,
    time_us    BIGINT NOT NULL,
    user_name  TEXT   COLLATE "C" NOT NULL,
    bytes      BIGINT NOT NULL,
    PRIMARY KEY (tenant, release_id, digest)
);

CREATE TABLE sbom_pieces (                      -- the bytes as they came
    tenant TEXT   COLLATE "C" NOT NULL,
    digest BYTEA  NOT NULL,
    piece  BIGINT NOT NULL,
    bytes  BYTEA  NOT NULL,
    PRIMARY KEY (tenant, digest, piece)
);

CREATE TABLE components (
    tenant     TEXT   COLLATE "C" NOT NULL,
    release_id BYTEA  NOT NULL,
    position   BIGINT NOT NULL,
    name       TEXT   COLLATE "C" NOT NULL,
    version    TEXT   COLLATE "C",
    purl       TEXT   COLLATE "C",
    tried      TEXT   COLLATE "C",                          -- what was tried in vain, one a line; absent if it is identified
    PRIMARY KEY (tenant, release_id, position)
);
CREATE INDEX components_purl ON components (tenant, purl);
CREATE INDEX components_name ON components (tenant, name);

CREATE TABLE release_words (                    -- words of components' names: by them new advisories find whom they may concern
    tenant     TEXT   COLLATE "C" NOT NULL,
    word       TEXT   COLLATE "C" NOT NULL,
    release_id BYTEA  NOT NULL,
    PRIMARY KEY (word, tenant, release_id)
);

CREATE TABLE advisory_marks (                   -- which segments a mark in `matched_by` stands for
    mark     TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    segments TEXT   COLLATE "C" NOT NULL                    -- digests, one a line
);

CREATE TABLE findings (                         -- a vulnerability of a component of a product version
    tenant         TEXT   COLLATE "C" NOT NULL,
    finding_id     BYTEA  NOT NULL,
    release_id     BYTEA  NOT NULL,
    name           TEXT   COLLATE "C" NOT NULL,             -- the component
    version        TEXT   COLLATE "C",
    purl           TEXT   COLLATE "C",
    vulnerability  TEXT   COLLATE "C" NOT NULL,             -- the id that all sources share
    names          TEXT   COLLATE "C" NOT NULL,             -- all its ids, one a line
    title          TEXT   COLLATE "C" NOT NULL,
    identity       TEXT   COLLATE "C" NOT NULL,
    method         TEXT   COLLATE "C" NOT NULL,
    confidence     BIGINT NOT NULL,             -- percent
    severity       BIGINT NOT NULL,             -- 1 none or not said .. 5 critical
    score          BIGINT NOT NULL,             -- CVSS, tenths; 0 if not said
    exploited      BIGINT NOT NULL,             -- 1: in KEV
    epss           BIGINT NOT NULL,             -- millionths
    rank           BIGINT NOT NULL,             -- what to look at first
    fixed          TEXT   COLLATE "C",
    affected       TEXT   COLLATE "C" NOT NULL,             -- the range
    reason         TEXT   COLLATE "C" NOT NULL,
    sources        TEXT   COLLATE "C" NOT NULL,             -- what each source says, JSON
    said_status    BIGINT,                      -- what the SBOM or a patch settles
    said_because   TEXT   COLLATE "C",
    status         BIGINT NOT NULL,             -- 0 affected, 1 not affected, 2 fixed, 3 under investigation
    state          BIGINT NOT NULL,             -- 0 open, 1 triaged, 2 decided, 3 fixed, 4 gone
    decision_id    BYTEA ,
    because        TEXT   COLLATE "C" NOT NULL,             -- why the state is what it is
    until_us       BIGINT,                      -- when the decision ends
    first_us       BIGINT NOT NULL,
    touched_us     BIGINT NOT NULL,
    PRIMARY KEY (tenant, finding_id)
);
CREATE INDEX findings_release ON findings (tenant, release_id);
CREATE INDEX findings_rank ON findings (tenant, state, rank);
CREATE INDEX findings_until ON findings (until_us);

CREATE TABLE finding_names (                    -- by any id of the vulnerability
    tenant     TEXT   COLLATE "C" NOT NULL,
    name       TEXT   COLLATE "C" NOT NULL,
    finding_id BYTEA  NOT NULL,
    PRIMARY KEY (tenant, name, finding_id)
);

CREATE TABLE finding_events (                   -- what changed since
    id         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    tenant     TEXT   COLLATE "C" NOT NULL,
    finding_id BYTEA  NOT NULL,
    time_us    BIGINT NOT NULL,
    kind       BIGINT NOT NULL,                 -- 0 appeared, 1 gone, 2 changed, 3 decided, 4 decision ended
    user_name  TEXT   COLLATE "C" NOT NULL,                 -- empty: the server
    detail     TEXT   COLLATE "C" NOT NULL
);
CREATE INDEX finding_events_of ON finding_events (tenant, finding_id, id);
CREATE INDEX finding_events_time ON finding_events (tenant, time_us);

CREATE TABLE decisions (
    tenant        TEXT   COLLATE "C" NOT NULL,
    decision_id   BYTEA  NOT NULL,
    vulnerability TEXT   COLLATE "C" NOT NULL,
    scope         BIGINT NOT NULL,              -- 0 this version, 1 product, 2 line, 3 portfolio
    product_id    BYTEA ,
    release       TEXT   COLLATE "C",                       -- the version of scope 0
    line          TEXT   COLLATE "C",
    component     TEXT   COLLATE "C",                       -- a name or package URL without version; absent: whatever it is found in
    versions      TEXT   COLLATE "C",                       -- versions of the component, as vers or a native range; absent: all
    status        BIGINT NOT NULL,
    justification TEXT   COLLATE "C",
    reason        TEXT   COLLATE "C" NOT NULL,
    user_name     TEXT   COLLATE "C" NOT NULL,
    made_us       BIGINT NOT NULL,
    until_us      BIGINT,
    undone_us     BIGINT,
    undone_by     TEXT   COLLATE "C",
    PRIMARY KEY (tenant, decision_id)
);
CREATE INDEX decisions_on ON decisions (tenant, vulnerability);
