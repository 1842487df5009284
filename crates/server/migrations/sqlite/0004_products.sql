-- Products and what is known to be wrong with them (ADR-0041): people, products, their versions and SBOMs, findings, decisions, notices.

CREATE TABLE owners (                           -- people in charge; whoever signs in is in `sessions`
    tenant    TEXT    NOT NULL,
    owner_id  BLOB    NOT NULL,
    name      TEXT    NOT NULL,
    email     TEXT    NOT NULL,
    language  TEXT    NOT NULL,                  -- en, ja
    teams     TEXT    NOT NULL,                  -- one a line
    next_id   BLOB   ,                           -- who is told if this one does not answer
    UNIQUE (tenant, email),
    PRIMARY KEY (tenant, owner_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE owner_routes (                     -- who is in charge of components, by the beginning of their package URLs
    tenant   TEXT    NOT NULL,
    pattern  TEXT    NOT NULL,                   -- empty: of whatever nobody else is in charge of
    owner_id BLOB    NOT NULL,
    PRIMARY KEY (tenant, pattern)
) STRICT, WITHOUT ROWID;

CREATE TABLE products (
    tenant     TEXT    NOT NULL,
    product_id BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    kind       INTEGER NOT NULL,                 -- 0 vehicle line, 1 control unit, 2 software
    line       TEXT    NOT NULL,                 -- the product line that it belongs to; empty if none
    owner_id   BLOB   ,
    models     TEXT    NOT NULL,                 -- vehicle models that have it, one a line
    added_us   INTEGER NOT NULL,
    UNIQUE (tenant, name),
    PRIMARY KEY (tenant, product_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE releases (                         -- product versions
    tenant       TEXT    NOT NULL,
    release_id   BLOB    NOT NULL,
    product_id   BLOB    NOT NULL,
    version      TEXT    NOT NULL,
    vehicles     INTEGER NOT NULL,               -- vehicles that run it, as the maker says
    added_us     INTEGER NOT NULL,
    sbom         BLOB   ,                        -- SHA-256 of the SBOM that holds; absent before the first
    format       TEXT    NOT NULL,
    components   INTEGER NOT NULL,
    unidentified INTEGER NOT NULL,
    unversioned  INTEGER NOT NULL,
    anomalies    TEXT    NOT NULL,               -- what is wrong with the SBOM, one a line: place, tab, what
    matched_by   TEXT    NOT NULL,               -- the mark of the advisories that it was matched with; empty: never
    matched_us   INTEGER NOT NULL,
    UNIQUE (tenant, product_id, version),
    PRIMARY KEY (tenant, release_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX releases_matched ON releases (matched_by);

CREATE TABLE sboms (                            -- every SBOM that was uploaded for a product version
    tenant     TEXT    NOT NULL,
    release_id BLOB    NOT NULL,
    digest     BLOB    NOT NULL,
    time_us    INTEGER NOT NULL,
    user_name  TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    PRIMARY KEY (tenant, release_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE sbom_pieces (                      -- the bytes as they came
    tenant TEXT    NOT NULL,
    digest BLOB    NOT NULL,
    piece  INTEGER NOT NULL,
    bytes  BLOB    NOT NULL,
    PRIMARY KEY (tenant, digest, piece)
) STRICT;

CREATE TABLE components (
    tenant     TEXT    NOT NULL,
    release_id BLOB    NOT NULL,
    position   INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    version    TEXT   ,
    purl       TEXT   ,
    tried      TEXT   ,                          -- what was tried in vain, one a line; absent if it is identified
    PRIMARY KEY (tenant, release_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX components_purl ON components (tenant, purl);
CREATE INDEX components_name ON components (tenant, name);

CREATE TABLE release_words (                    -- words of components' names: by them new advisories find whom they may concern
    tenant     TEXT    NOT NULL,
    word       TEXT    NOT NULL,
    release_id BLOB    NOT NULL,
    PRIMARY KEY (word, tenant, release_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE advisory_marks (                   -- which segments a mark in `matched_by` stands for
    mark     TEXT    NOT NULL PRIMARY KEY,
    segments TEXT    NOT NULL                    -- digests, one a line
) STRICT, WITHOUT ROWID;

CREATE TABLE findings (                         -- a vulnerability of a component of a product version
    tenant         TEXT    NOT NULL,
    finding_id     BLOB    NOT NULL,
    release_id     BLOB    NOT NULL,
    name           TEXT    NOT NULL,             -- the component
    version        TEXT   ,
    purl           TEXT   ,
    vulnerability  TEXT    NOT NULL,             -- the id that all sources share
    names          TEXT    NOT NULL,             -- all its ids, one a line
    title          TEXT    NOT NULL,
    identity       TEXT    NOT NULL,
    method         TEXT    NOT NULL,
    confidence     INTEGER NOT NULL,             -- percent
    severity       INTEGER NOT NULL,             -- 1 none or not said .. 5 critical
    score          INTEGER NOT NULL,             -- CVSS, tenths; 0 if not said
    exploited      INTEGER NOT NULL,             -- 1: in KEV
    epss           INTEGER NOT NULL,             -- millionths
    rank           INTEGER NOT NULL,             -- what to look at first
    fixed          TEXT   ,
    affected       TEXT    NOT NULL,             -- the range
    reason         TEXT    NOT NULL,
    sources        TEXT    NOT NULL,             -- what each source says, JSON
    said_status    INTEGER,                      -- what the SBOM or a patch settles
    said_because   TEXT   ,
    status         INTEGER NOT NULL,             -- 0 affected, 1 not affected, 2 fixed, 3 under investigation
    state          INTEGER NOT NULL,             -- 0 open, 1 triaged, 2 decided, 3 fixed, 4 gone
    decision_id    BLOB   ,
    because        TEXT    NOT NULL,             -- why the state is what it is
    until_us       INTEGER,                      -- when the decision ends
    first_us       INTEGER NOT NULL,
    touched_us     INTEGER NOT NULL,
    PRIMARY KEY (tenant, finding_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX findings_release ON findings (tenant, release_id);
CREATE INDEX findings_rank ON findings (tenant, state, rank);
CREATE INDEX findings_until ON findings (until_us);

CREATE TABLE finding_names (                    -- by any id of the vulnerability
    tenant     TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    finding_id BLOB    NOT NULL,
    PRIMARY KEY (tenant, name, finding_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE finding_events (                   -- what changed since
    id         INTEGER PRIMARY KEY,
    tenant     TEXT    NOT NULL,
    finding_id BLOB    NOT NULL,
    time_us    INTEGER NOT NULL,
    kind       INTEGER NOT NULL,                 -- 0 appeared, 1 gone, 2 changed, 3 decided, 4 decision ended
    user_name  TEXT    NOT NULL,                 -- empty: the server
    detail     TEXT    NOT NULL
) STRICT;
CREATE INDEX finding_events_of ON finding_events (tenant, finding_id, id);
CREATE INDEX finding_events_time ON finding_events (tenant, time_us);

CREATE TABLE decisions (
    tenant        TEXT    NOT NULL,
    decision_id   BLOB    NOT NULL,
    vulnerability TEXT    NOT NULL,
    scope         INTEGER NOT NULL,              -- 0 this version, 1 product, 2 line, 3 portfolio
    product_id    BLOB   ,
    release       TEXT   ,                       -- the version of scope 0
    line          TEXT   ,
    component     TEXT   ,                       -- a name or package URL without version; absent: whatever it is found in
    versions      TEXT   ,                       -- versions of the component, as vers or a native range; absent: all
    status        INTEGER NOT NULL,
    justification TEXT   ,
    reason        TEXT    NOT NULL,
    user_name     TEXT    NOT NULL,
    made_us       INTEGER NOT NULL,
    until_us      INTEGER,
    undone_us     INTEGER,
    undone_by     TEXT   ,
    PRIMARY KEY (tenant, decision_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_on ON decisions (tenant, vulnerability);
