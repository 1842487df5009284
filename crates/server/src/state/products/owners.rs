//! People in charge, and which components they are in charge of.
//!
//! Not who signs in (`people`): whoever answers for a component need not have an account. Invariant: an e-mail address names one person.

use super::super::database::sql;
use super::super::people::{Person, note};
use super::super::{State, StateError};
use super::id_of;
use crate::auth::hex;
use crate::tenant::Tenant;
use sqlx::FromRow;
use yagura_model::UnixMicros;

/// The most people, and routes, of a tenant.
const OWNERS_MAX: i64 = 10_000;

/// Somebody in charge.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct OwnerRow {
    /// 32 bytes.
    pub owner_id: Vec<u8>,
    /// Their name.
    pub name: String,
    /// Where they are written to.
    pub email: String,
    /// `en` or `ja`.
    pub language: String,
    /// Their teams, one a line.
    pub teams: String,
    /// Who is told if they do not answer.
    pub next_id: Option<Vec<u8>>,
}

/// Who is in charge of components whose package URLs begin so.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct RouteRow {
    /// The beginning; empty for whatever nobody else is in charge of.
    pub pattern: String,
    /// Who.
    pub owner_id: Vec<u8>,
}

impl RouteRow {
    /// Who is in charge of a component: the longest beginning, then the product's owner, then whoever takes the rest.
    #[must_use]
    pub fn responsible<'r>(routes: &'r [Self], purl: Option<&str>, product: Option<&'r [u8]>) -> Option<&'r [u8]> {
        let fits = |route: &&Self| {
            !route.pattern.is_empty() && purl.is_some_and(|purl| purl.starts_with(route.pattern.as_str()))
        };
        let by_component = routes.iter().filter(fits).max_by_key(|route| route.pattern.len());
        let rest = || routes.iter().find(|route| route.pattern.is_empty());
        by_component
            .map(|route| route.owner_id.as_slice())
            .or(product)
            .or_else(|| rest().map(|route| route.owner_id.as_slice()))
    }
}

impl State {
    /// Adds somebody, or changes who has this e-mail address.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn set_owner(&self, person: &Person, owner: &OwnerRow, now: UnixMicros) -> Result<[u8; 32], StateError> {
        let id = id_of("owner", &person.tenant, &[owner.email.as_bytes()]);
        let mut tx = self.begin().await?;
        sql("INSERT INTO owners (tenant, owner_id, name, email, language, teams, next_id) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (tenant, owner_id) DO UPDATE SET name = excluded.name, language = excluded.language,
                teams = excluded.teams, next_id = excluded.next_id")
        .bind(person.tenant.as_str())
        .bind(id.as_slice())
        .bind(owner.name.as_str())
        .bind(owner.email.as_str())
        .bind(owner.language.as_str())
        .bind(owner.teams.as_str())
        .bind(owner.next_id.as_deref())
        .execute(&mut tx)
        .await?;
        note(&mut tx, person, now, ("person", &hex(&id), &owner.email)).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The tenant's people by name.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn owners(&self, tenant: &Tenant) -> Result<Vec<OwnerRow>, StateError> {
        let query = sql("SELECT owner_id, name, email, language, teams, next_id FROM owners WHERE tenant = $1
             ORDER BY name, owner_id LIMIT $2");
        query.bind(tenant.as_str()).bind(OWNERS_MAX).all(self.read()).await
    }

    /// Says who is in charge of components whose package URLs begin with `pattern`; `None` takes it back.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn set_route(
        &self,
        person: &Person,
        (pattern, owner): (&str, Option<&[u8]>),
        now: UnixMicros,
    ) -> Result<(), StateError> {
        let mut tx = self.begin().await?;
        let query = match owner {
            Some(owner) => sql("INSERT INTO owner_routes (tenant, pattern, owner_id) VALUES ($1, $2, $3)
                 ON CONFLICT (tenant, pattern) DO UPDATE SET owner_id = excluded.owner_id")
            .bind(person.tenant.as_str())
            .bind(pattern)
            .bind(owner),
            None => sql("DELETE FROM owner_routes WHERE tenant = $1 AND pattern = $2")
                .bind(person.tenant.as_str())
                .bind(pattern),
        };
        query.execute(&mut tx).await?;
        note(&mut tx, person, now, ("route", pattern, &owner.map(hex).unwrap_or_default())).await?;
        tx.commit().await
    }

    /// Who is in charge of which components.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn routes(&self, tenant: &Tenant) -> Result<Vec<RouteRow>, StateError> {
        let query = sql("SELECT pattern, owner_id FROM owner_routes WHERE tenant = $1 ORDER BY pattern LIMIT $2");
        query.bind(tenant.as_str()).bind(OWNERS_MAX).all(self.read()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_then_the_product_then_whoever_takes_the_rest() {
        let route = |pattern: &str, owner: u8| RouteRow { pattern: pattern.to_owned(), owner_id: vec![owner] };
        let routes = [route("", 1), route("pkg:deb/", 2), route("pkg:deb/debian/openssl", 3)];
        let of = |purl, product| RouteRow::responsible(&routes, purl, product).map(|owner| owner[0]);
        assert_eq!(of(Some("pkg:deb/debian/openssl@3"), Some(&[9][..])), Some(3));
        assert_eq!(of(Some("pkg:deb/debian/zlib"), Some(&[9][..])), Some(2));
        assert_eq!(of(Some("pkg:pypi/django"), Some(&[9][..])), Some(9));
        assert_eq!(of(None, None), Some(1));
        assert_eq!(RouteRow::responsible(&[], None, None), None);
    }
}
