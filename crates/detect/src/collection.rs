//! Rule collections: several documents in one file that share parts (`action: global`, `repeat`, `reset`).
//!
//! Deprecated in Sigma, still written. A global document is laid under every document after it; a repeating one is laid over the rule
//! before it. Bounded: all documents of a file together have at most [`NODES_MAX`] values once they are laid together.

use crate::detection::{Located, at};
use crate::error::{RuleErrorKind, Unsupported};
use crate::yaml::{NODES_MAX, Node, Value};

/// The documents with the shared parts put in. Most files have none: they are handed back as they are.
pub(crate) fn unfold(documents: Vec<Node>) -> Result<Vec<Node>, Located> {
    if documents.iter().all(|node| node.get("action").is_none()) {
        return Ok(documents);
    }
    let mut left = NODES_MAX;
    let mut global: Option<Node> = None;
    let mut rules: Vec<Node> = Vec::new();
    for mut node in documents {
        let action = take_action(&mut node);
        let (base, is_rule) = match action.as_ref().and_then(Node::scalar_text).as_deref() {
            None => (global.clone(), true),
            Some("global") => (global.clone(), false),
            Some("repeat") => (rules.last().cloned(), true),
            Some("reset") => {
                global = None;
                continue;
            }
            Some(other) => {
                let kind = RuleErrorKind::Unsupported(Unsupported::Action(other.to_owned()));
                return Err(at(action.as_ref().unwrap_or(&node), kind));
            }
        };
        let place = (node.line, node.column);
        let mut whole = base.map_or_else(|| node.clone(), |base| merged(base, node.clone()));
        (whole.line, whole.column) = place;
        left = left.checked_sub(size(&whole)).ok_or_else(|| {
            let (value, max) = (NODES_MAX.saturating_add(1) as u64, NODES_MAX as u64);
            at(&node, RuleErrorKind::Limit { what: "number of values in a rule collection", value, max })
        })?;
        if is_rule { rules.push(whole) } else { global = Some(whole) }
    }
    Ok(rules)
}

fn take_action(node: &mut Node) -> Option<Node> {
    let Value::Map(entries) = &mut node.value else { return None };
    let index = entries.iter().position(|(key, _)| key.text == "action")?;
    Some(entries.remove(index).1)
}

/// `over` laid over `base`: maps key by key, all else as a whole.
fn merged(base: Node, over: Node) -> Node {
    let Node { line, column, value } = over;
    let value = match (base.value, value) {
        (Value::Map(mut below), Value::Map(above)) => {
            for (key, node) in above {
                match below.iter_mut().find(|(k, _)| k.text == key.text) {
                    Some((_, slot)) => *slot = merged(slot.clone(), node),
                    None => below.push((key, node)),
                }
            }
            Value::Map(below)
        }
        (_, value) => value,
    };
    Node { line, column, value }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => items.iter().map(size).fold(1, usize::saturating_add),
        Value::Map(entries) => entries.iter().map(|(_, node)| size(node)).fold(1, usize::saturating_add),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn rules(text: &str) -> Result<Vec<Node>, String> {
        let documents = yaml::documents(text).unwrap_or_else(|e| panic!("{}", e.message));
        unfold(documents).map_err(|e| e.kind.to_string())
    }

    #[test]
    fn shared_parts_are_laid_under_and_over() {
        let text = "action: global\na: {x: 1, y: 1}\n---\na: {y: 2}\n---\naction: repeat\nb: 3\n---\naction: reset\n---\nc: 4\n";
        let rules = rules(text).unwrap_or_else(|e| panic!("{e}"));
        let int = |node: Option<&Node>| node.and_then(|n| if let Value::Int(i) = n.value { Some(i) } else { None });
        let of = |rule: usize, key: &str| int(rules[rule].get("a").and_then(|a| a.get(key)));
        assert_eq!(rules.len(), 3);
        assert_eq!((of(0, "x"), of(0, "y"), int(rules[0].get("b"))), (Some(1), Some(2), None));
        assert_eq!((of(1, "x"), of(1, "y"), int(rules[1].get("b"))), (Some(1), Some(2), Some(3)));
        assert_eq!((of(2, "x"), int(rules[2].get("c"))), (None, Some(4)));
    }

    #[test]
    fn a_collection_that_multiplies_is_refused() {
        let many: String = (0..1_000).map(|n| format!("k{n}: [1, 2, 3]\n")).collect();
        let text = format!("action: global\n{many}---\n{}", "a: 1\n---\n".repeat(900));
        assert!(rules(&text).is_err_and(|e| e.contains("250000")));
        assert!(rules("action: dance\na: 1\n").is_err_and(|e| e.contains("`dance`")));
    }
}
