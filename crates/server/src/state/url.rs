//! Where the state is: a file of SQLite, or a database of PostgreSQL.
//!
//! Opens nothing. Invariant: shown to people, it says neither password nor any other setting of the address. A password need not be
//! in it: `PGPASSWORD`, `PGPASSFILE` and `~/.pgpass` count as for every program of PostgreSQL.

use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the state is.
#[derive(Clone)]
pub struct StateUrl(Kind);

#[derive(Clone)]
pub(super) enum Kind {
    File(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

/// Why an address of a state cannot be used. The operator corrects it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StateUrlError {
    /// No file is named.
    #[error("the state's address names no file: write sqlite:///path/to/state.db")]
    NoFile,
    /// Neither of the two databases.
    #[error("the state cannot be kept in {0:?}: write sqlite:///path/to/state.db or postgres://user@host/database")]
    Scheme(String),
    /// Not an address of PostgreSQL.
    #[error("the state's address is not of the form postgres://user@host/database: {0}")]
    Postgres(String),
}

impl StateUrl {
    /// The file at `path`.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self(Kind::File(path.to_owned()))
    }

    /// The file, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::File(path) => Some(path),
            Kind::Postgres(_) => None,
        }
    }

    pub(super) const fn kind(&self) -> &Kind {
        &self.0
    }
}

impl FromStr for StateUrl {
    type Err = StateUrlError;

    fn from_str(text: &str) -> Result<Self, StateUrlError> {
        let (scheme, rest) = text.split_once(':').unwrap_or(("sqlite", text));
        match scheme {
            "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" | ":memory:" => Err(StateUrlError::NoFile),
                path => Ok(Self::file(Path::new(path))),
            },
            "postgres" | "postgresql" => {
                let options = text.parse::<PgConnectOptions>();
                let options = options.map_err(|error| StateUrlError::Postgres(error.to_string()))?;
                Ok(Self(Kind::Postgres(Box::new(options))))
            }
            other => Err(StateUrlError::Scheme(format!("{other}:"))),
        }
    }
}

impl fmt::Display for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File(path) => write!(f, "{}", path.display()),
            Kind::Postgres(options) => {
                write!(f, "postgres://{}@{}", options.get_username(), options.get_host())?;
                write!(f, ":{}/{}", options.get_port(), options.get_database().unwrap_or(options.get_username()))
            }
        }
    }
}

impl fmt::Debug for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        let all = [
            "state.db",
            "sqlite:///var/lib/yagura/state.db",
            "sqlite:state.db",
            "postgres://ann:secret@db.example:5433/yagura?sslmode=verify-full&options[search_path]=one",
            "postgresql://ann@db.example",
            "sqlite://",
            "sqlite::memory:",
            "mysql://ann:secret@db.example/yagura",
            "postgres://ann:secret@db.example:port/yagura",
        ];
        let shown = all.map(|text| text.parse::<StateUrl>().map_or_else(|e| e.to_string(), |url| format!("{url:?}")));
        assert!(shown.iter().all(|line| !line.contains("secret")), "{shown:?}");
        expect![[r#"
            StateUrl(state.db)
            StateUrl(/var/lib/yagura/state.db)
            StateUrl(state.db)
            StateUrl(postgres://ann@db.example:5433/yagura)
            StateUrl(postgres://ann@db.example:5432/ann)
            the state's address names no file: write sqlite:///path/to/state.db
            the state's address names no file: write sqlite:///path/to/state.db
            the state cannot be kept in "mysql:": write sqlite:///path/to/state.db or postgres://user@host/database
            the state's address is not of the form postgres://user@host/database: error with configuration: invalid port number"#]]
        .assert_eq(&shown.join("\n"));
    }
}
