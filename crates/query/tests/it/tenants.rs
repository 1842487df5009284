//! A tenant never sees another's rows, whatever the SQL says.

use crate::rows::Asked;
use yagura_query::Scope;
use yagura_store::At;

/// None of these may show that there is anybody else.
#[test]
fn no_sql_leads_around_the_tenant() {
    let asked = Asked::new();
    let attempts = [
        "SELECT * FROM events",
        "SELECT DISTINCT tenant FROM events",
        "SELECT * FROM events WHERE tenant = 'beta'",
        "SELECT * FROM events WHERE tenant <> 'acme'",
        "SELECT * FROM events WHERE tenant = 'acme' OR 1 = 1 OR tenant = 'beta'",
        "SELECT * FROM events WHERE tenant IN ('beta', 'acme')",
        "SELECT * FROM events WHERE message LIKE '%beta%'",
        "SELECT * FROM (SELECT * FROM events) AS e WHERE e.tenant LIKE 'b%'",
        "SELECT e.* FROM events e FULL OUTER JOIN events f ON e.tenant <> f.tenant",
        "SELECT * FROM events UNION ALL SELECT * FROM events",
        "SELECT * FROM lake.public.events",
        "SELECT * FROM public.events WHERE position IN (2, 5, 8, 602)",
        "SELECT max(tenant), max(message) FROM events",
        "SELECT tenant, count(*) FROM events GROUP BY GROUPING SETS ((tenant), ())",
        "WITH events AS (SELECT * FROM lake.public.events) SELECT * FROM events WHERE tenant = 'beta'",
        "SELECT (SELECT max(message) FROM events WHERE tenant = 'beta')",
        "SELECT array_agg(message) FROM events",
        "SELECT first_value(message ORDER BY tenant DESC) FROM events",
        "SELECT * FROM events ORDER BY tenant DESC LIMIT 5",
        "SELECT * FROM events WHERE position = 602",
    ];
    for sql in attempts {
        let answer = asked.ask_at(Scope::Tenant("acme".to_owned()), sql, At::Latest).unwrap();
        let text = String::from_utf8(answer.json().unwrap()).unwrap();
        assert!(!text.contains("beta"), "{sql}: {text}");
    }
}

#[test]
fn each_tenant_counts_its_own_and_the_operator_all() {
    let asked = Asked::new();
    let count = |scope: Scope| {
        let answer = asked.ask_at(scope, "SELECT count(*) FROM events", At::Latest).unwrap();
        String::from_utf8(answer.csv().unwrap()).unwrap()
    };
    let tenant = |name: &str| count(Scope::Tenant(name.to_owned()));
    let last = |text: String| text.lines().last().unwrap().to_owned();
    assert_eq!(last(tenant("acme")), "414");
    assert_eq!(last(tenant("beta")), "206");
    assert_eq!(last(tenant("gamma")), "0");
    assert_eq!(last(tenant("acme' OR '1'='1")), "0");
    assert_eq!(last(count(Scope::Operator)), "620");
}
