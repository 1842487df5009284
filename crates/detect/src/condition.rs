//! The condition of a rule: which searches must hold.
//!
//! Not correlation conditions. Grammar (words in any case): or := and ("or" and)*; and := not ("and" not)*;
//! not := "not" not | "(" or ")" | (number|"any"|"all") "of" pattern | name. `them` stands for all searches whose name does not
//! begin with `_`. Invariants: nesting is bounded by [`DEPTH_MAX`], the number of searches named by [`PARTS_MAX`].

use crate::error::{ConditionProblem, RuleErrorKind, Unsupported};
use crate::pattern::Pattern;
use hashbrown::HashMap;

/// The deepest nesting of a condition.
const DEPTH_MAX: usize = 64;
/// The most searches that a condition names, those behind patterns counted one by one.
const PARTS_MAX: usize = 65_536;
/// The most searches that may be asked to hold where not all are: each costs a pass over the others.
const LEAST_MAX: usize = 64;

/// A condition over the names of searches, patterns already resolved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Condition {
    /// The search of this index holds.
    Search(usize),
    /// All hold.
    All(Vec<Self>),
    /// At least one holds.
    Any(Vec<Self>),
    /// At least so many hold, two or more and not all.
    AtLeast(usize, Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
}

impl Condition {
    /// Whether it holds, given which searches do.
    pub(crate) fn holds(&self, search: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Self::Search(index) => search(*index),
            Self::All(all) => all.iter().all(|one| one.holds(search)),
            Self::Any(any) => any.iter().any(|one| one.holds(search)),
            Self::AtLeast(least, some) => some.iter().filter(|one| one.holds(search)).count() >= *least,
            Self::Not(one) => !one.holds(search),
        }
    }

    /// Whether `not` stands anywhere in it.
    pub(crate) fn negates(&self) -> bool {
        match self {
            Self::Search(_) => false,
            Self::All(some) | Self::Any(some) | Self::AtLeast(_, some) => some.iter().any(Self::negates),
            Self::Not(_) => true,
        }
    }
}

/// The names that a condition uses, each once.
pub(crate) fn names(text: &str) -> Vec<String> {
    let keywords = ["and", "or", "not", "of", "any", "all", "them"];
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let words = text.split(|c: char| c.is_whitespace() || c == '(' || c == ')');
    let mut names: Vec<String> = Vec::new();
    for word in
        words.filter(|word| !is_number(word) && !keywords.iter().any(|keyword| keyword.eq_ignore_ascii_case(word)))
    {
        if !word.contains('*') && !names.iter().any(|known| known == word) {
            names.push(word.to_owned());
        }
    }
    names
}

/// Reads a condition over searches of these names.
pub(crate) fn parse(text: &str, searches: &[String]) -> Result<Condition, RuleErrorKind> {
    if text.contains('|') {
        return Err(RuleErrorKind::Unsupported(Unsupported::Aggregation));
    }
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let indexes = searches.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let mut parser = Parser { words: spaced.split_whitespace().collect(), at: 0, searches, indexes, parts: 0 };
    parser.whole().map_err(|problem| RuleErrorKind::Condition { condition: text.to_owned(), problem })
}

struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
    searches: &'a [String],
    indexes: HashMap<&'a str, usize>,
    parts: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek();
        self.at = self.at.saturating_add(1);
        word
    }

    fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    fn whole(&mut self) -> Result<Condition, ConditionProblem> {
        let condition = self.or(0)?;
        match self.peek() {
            None => Ok(condition),
            Some(word) => Err(ConditionProblem::Unexpected(word.to_owned())),
        }
    }

    fn or(&mut self, depth: usize) -> Result<Condition, ConditionProblem> {
        let mut operands = vec![self.and(depth)?];
        while self.take("or") {
            operands.push(self.and(depth)?);
        }
        Ok(join(operands, Condition::Any))
    }

    fn and(&mut self, depth: usize) -> Result<Condition, ConditionProblem> {
        let mut operands = vec![self.not(depth)?];
        while self.take("and") {
            operands.push(self.not(depth)?);
        }
        Ok(join(operands, Condition::All))
    }

    fn not(&mut self, depth: usize) -> Result<Condition, ConditionProblem> {
        if depth > DEPTH_MAX {
            return Err(ConditionProblem::TooDeep(DEPTH_MAX));
        }
        let deeper = depth.saturating_add(1);
        let word = self.next().ok_or(ConditionProblem::Ends)?;
        if word.eq_ignore_ascii_case("not") {
            return Ok(Condition::Not(Box::new(self.not(deeper)?)));
        }
        if word == "(" {
            let inner = self.or(deeper)?;
            return if self.take(")") { Ok(inner) } else { Err(ConditionProblem::Unclosed) };
        }
        if self.peek().is_some_and(|next| next.eq_ignore_ascii_case("of")) {
            let least = match word.to_ascii_lowercase().as_str() {
                "any" => Some(1),
                "all" => None,
                number => Some(number.parse().map_err(|_| ConditionProblem::Unexpected(word.to_owned()))?),
            };
            self.at = self.at.saturating_add(1);
            return self.quantified(least);
        }
        if word == ")" || ["and", "or", "of"].iter().any(|k| word.eq_ignore_ascii_case(k)) {
            return Err(ConditionProblem::Unexpected(word.to_owned()));
        }
        self.count(1)?;
        let found = self.indexes.get(word).copied();
        found.map(Condition::Search).ok_or_else(|| ConditionProblem::UnknownSearch(word.to_owned()))
    }

    fn count(&mut self, parts: usize) -> Result<(), ConditionProblem> {
        self.parts = self.parts.saturating_add(parts);
        if self.parts <= PARTS_MAX { Ok(()) } else { Err(ConditionProblem::TooMany(PARTS_MAX)) }
    }

    /// At least so many of the searches that fit; all of them if no number is given.
    fn quantified(&mut self, least: Option<usize>) -> Result<Condition, ConditionProblem> {
        let pattern = self.next().ok_or(ConditionProblem::Ends)?;
        let them = pattern.eq_ignore_ascii_case("them");
        let glob = Pattern::parse(pattern);
        let fits = |name: &String| if them { !name.starts_with('_') } else { glob.fits(name) };
        let searches = self.searches.iter().enumerate();
        let found: Vec<_> = searches.filter(|(_, name)| fits(name)).map(|(i, _)| Condition::Search(i)).collect();
        let count = found.len();
        self.count(self.searches.len())?;
        match least {
            _ if count == 0 => Err(ConditionProblem::NoSearchFits(pattern.to_owned())),
            Some(1) => Ok(join(found, Condition::Any)),
            Some(least) if least == 0 || least > count => Err(ConditionProblem::Count { least, count }),
            Some(least) if least < count && least > LEAST_MAX => Err(ConditionProblem::TooMany(LEAST_MAX)),
            Some(least) if least < count => Ok(Condition::AtLeast(least, found)),
            _ => Ok(join(found, Condition::All)),
        }
    }
}

fn join(mut operands: Vec<Condition>, with: fn(Vec<Condition>) -> Condition) -> Condition {
    match (operands.len(), operands.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            operands.push(last);
            with(operands)
        }
        (_, None) => with(operands),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names() -> Vec<String> {
        ["sel_a", "sel_b", "filter", "_hidden"].map(str::to_owned).to_vec()
    }

    fn show(condition: &Condition) -> String {
        let list =
            |items: &[Condition], word: &str| format!("({})", items.iter().map(show).collect::<Vec<_>>().join(word));
        match condition {
            Condition::Search(i) => names()[*i].clone(),
            Condition::All(items) => list(items, " & "),
            Condition::Any(items) => list(items, " | "),
            Condition::AtLeast(least, items) => list(items, &format!(" {least}+ ")),
            Condition::Not(inner) => format!("!{}", show(inner)),
        }
    }

    #[test]
    fn not_binds_tighter_than_and_and_than_or() {
        for (text, expected) in [
            ("sel_a", "sel_a"),
            ("sel_a or sel_b and not filter", "(sel_a | (sel_b & !filter))"),
            ("(sel_a OR sel_b) AND NOT filter", "((sel_a | sel_b) & !filter)"),
            ("1 of sel_* and not 1 of filter*", "((sel_a | sel_b) & !filter)"),
            ("all of them", "(sel_a & sel_b & filter)"),
            ("not (not sel_a)", "!!sel_a"),
            ("any of _*", "_hidden"),
            ("2 of them", "(sel_a 2+ sel_b 2+ filter)"),
            ("3 of them", "(sel_a & sel_b & filter)"),
        ] {
            assert_eq!(parse(text, &names()).map(|c| show(&c)), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        use ConditionProblem as P;
        let deep = format!("{}sel_a{}", "(".repeat(99), ")".repeat(99));
        for (text, expected) in [
            ("", P::Ends),
            ("sel_a and", P::Ends),
            ("sel_a sel_b", P::Unexpected("sel_b".to_owned())),
            ("sel_c", P::UnknownSearch("sel_c".to_owned())),
            ("1 of nothing*", P::NoSearchFits("nothing*".to_owned())),
            ("3 of sel_*", P::Count { least: 3, count: 2 }),
            ("0 of sel_*", P::Count { least: 0, count: 2 }),
            ("some of sel_*", P::Unexpected("some".to_owned())),
            ("(sel_a", P::Unclosed),
            (deep.as_str(), P::TooDeep(DEPTH_MAX)),
        ] {
            let got = parse(text, &names());
            assert!(
                matches!(&got, Err(RuleErrorKind::Condition { problem, .. }) if *problem == expected),
                "{text}: {got:?}"
            );
        }
        let counted = parse("sel_a | count() > 5", &names());
        assert_eq!(counted, Err(RuleErrorKind::Unsupported(Unsupported::Aggregation)));
    }

    proptest! {
        #[test]
        fn any_words_are_a_condition_or_a_reason(
            words in proptest::collection::vec(
                prop::sample::select(vec!["(", ")", "not", "and", "or", "1", "all", "of", "sel_*", "sel_a", "them"]), 0..20),
        ) {
            let _ = parse(&words.join(" "), &names());
        }
    }
}
