//! The frames around an event, as the sensor sent them along.
//!
//! Not a capture: a few frames before and after, in sensor time. They stay in the evidence and are read from there when a
//! person looks at an alert; the lake does not hold them.

use yagura_link::{Entry, Excerpt, entries};

/// The excerpts of a body, each with the `entry_index` of the event it belongs to. What cannot be read is left out here;
/// [`crate::Decoder::push`] has counted it.
pub fn excerpts(body: &[u8]) -> impl Iterator<Item = (i32, Excerpt<'_>)> {
    entries(body).filter_map(|entry| match entry {
        Ok(Entry::Excerpt(excerpt)) => Some((i32::from(excerpt.message), excerpt)),
        _ => None,
    })
}
