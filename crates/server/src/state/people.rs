//! Sign-in tokens, sessions and the record of what people did.
//!
//! Not accounts yet: whoever holds a one-time token signs in as the person it was made for. Invariants: only hashes of secrets
//! are kept; a token opens one session; an expired row opens nothing, whether or not it is already swept.

use super::database::{Tx, sql};
use super::{State, StateError};
use crate::auth::SecretHash;
use crate::tenant::Tenant;
use yagura_model::{Name, UnixMicros};

/// The most sessions a person may have; the oldest ends when another begins.
pub const SESSIONS_MAX: i64 = 32;

/// Somebody who is signed in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Person {
    /// Whose data they see.
    pub tenant: Tenant,
    /// Their name.
    pub user: String,
}

impl State {
    /// Keeps a sign-in token for `person` until `expires`, and forgets the expired ones.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn put_sign_in_token(
        &self,
        person: &Person,
        token: &SecretHash,
        now: UnixMicros,
        expires: UnixMicros,
    ) -> Result<(), StateError> {
        let mut tx = self.begin().await?;
        sql("DELETE FROM sign_in_tokens WHERE expires_us <= $1").bind(now.0).execute(&mut tx).await?;
        sql("INSERT INTO sign_in_tokens (hash, tenant, user_name, created_us, expires_us) VALUES ($1, $2, $3, $4, $5)")
            .bind(token.as_slice())
            .bind(person.tenant.as_str())
            .bind(person.user.as_str())
            .bind(now.0)
            .bind(expires.0)
            .execute(&mut tx)
            .await?;
        tx.commit().await
    }

    /// Trades a sign-in token for a session; `None` if the token is unknown, used or expired.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn sign_in(
        &self,
        token: &SecretHash,
        session: &SecretHash,
        now: UnixMicros,
        expires: UnixMicros,
    ) -> Result<Option<Person>, StateError> {
        let mut tx = self.begin().await?;
        let row: Option<(String, String, i64)> =
            sql("DELETE FROM sign_in_tokens WHERE hash = $1 RETURNING tenant, user_name, expires_us")
                .bind(token.as_slice())
                .optional(&mut tx)
                .await?;
        let person = row.filter(|row| row.2 > now.0).map(|(tenant, user, _)| person(&tenant, user)).transpose()?;
        if let Some(person) = &person {
            open_session(&mut tx, person, session, now, expires).await?;
            note(&mut tx, person, now, ("sign-in", "session", "")).await?;
        }
        tx.commit().await?;
        Ok(person)
    }

    /// Who holds the session.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn session(&self, session: &SecretHash, now: UnixMicros) -> Result<Option<Person>, StateError> {
        let row: Option<(String, String)> =
            sql("SELECT tenant, user_name FROM sessions WHERE hash = $1 AND expires_us > $2")
                .bind(session.as_slice())
                .bind(now.0)
                .optional(self.read())
                .await?;
        row.map(|(tenant, user)| person(&tenant, user)).transpose()
    }

    /// Ends the session.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn sign_out(&self, person: &Person, session: &SecretHash, now: UnixMicros) -> Result<(), StateError> {
        let mut tx = self.begin().await?;
        sql("DELETE FROM sessions WHERE hash = $1").bind(session.as_slice()).execute(&mut tx).await?;
        note(&mut tx, person, now, ("sign-out", "session", "")).await?;
        tx.commit().await
    }
}

/// Adds a line to the audit record: action, target, detail.
pub(super) async fn note(
    tx: &mut Tx,
    person: &Person,
    now: UnixMicros,
    (action, target, detail): (&str, &str, &str),
) -> Result<(), StateError> {
    sql("INSERT INTO audit (tenant, time_us, user_name, action, target, detail) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(person.tenant.as_str())
        .bind(now.0)
        .bind(person.user.as_str())
        .bind(action)
        .bind(target)
        .bind(detail)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

async fn open_session(
    tx: &mut Tx,
    person: &Person,
    session: &SecretHash,
    now: UnixMicros,
    expires: UnixMicros,
) -> Result<(), StateError> {
    sql("DELETE FROM sessions WHERE expires_us <= $1").bind(now.0).execute(&mut *tx).await?;
    // Room first, so that the new one is never among those that go.
    sql("DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE tenant = $1 AND user_name = $2
         ORDER BY created_us DESC, hash LIMIT $4 OFFSET $3)")
    .bind(person.tenant.as_str())
    .bind(person.user.as_str())
    .bind(SESSIONS_MAX - 1)
    .bind(i64::MAX)
    .execute(&mut *tx)
    .await?;
    sql("INSERT INTO sessions (hash, tenant, user_name, created_us, expires_us) VALUES ($1, $2, $3, $4, $5)")
        .bind(session.as_slice())
        .bind(person.tenant.as_str())
        .bind(person.user.as_str())
        .bind(now.0)
        .bind(expires.0)
        .execute(tx)
        .await?;
    Ok(())
}

fn person(tenant: &str, user: String) -> Result<Person, StateError> {
    Ok(Person { tenant: tenant_of_row(tenant)?, user })
}

/// The tenant that a row names.
pub(super) fn tenant_of_row(text: &str) -> Result<Tenant, StateError> {
    let name = Name::new(text).map_err(|e| StateError::Damaged(format!("tenant {text:?}: {e}")))?;
    Ok(Tenant::named(name))
}
