//! Versions of Conan packages: Conan 2's `Version`.
//!
//! Not a recipe reference. Conan compares a number with a word by their letters, which is not transitive (`2` < `10` < `1a` < `2`, in
//! Conan's eyes `10` < `1a`); here a word that begins with digits stands behind that number, which agrees wherever the digits are as many.
//! Key: items without zeros at their end, pre-release, build.

use super::key::{digits, number, text};

pub(super) fn write(whole: &str, out: &mut Vec<u8>) {
    let (rest, build) = whole.rsplit_once('+').map_or((whole, None), |(rest, build)| (rest, Some(build)));
    let (items, pre) = rest.split_once('-').map_or((rest, None), |(items, pre)| (items, Some(pre)));
    write_items(items, out);
    out.push(u8::from(pre.is_none()));
    if let Some(pre) = pre {
        write_items(pre, out);
    }
    out.push(u8::from(build.is_some()));
    if let Some(build) = build {
        write_items(build, out);
    }
}

fn write_items(items: &str, out: &mut Vec<u8>) {
    let mut zeros = 0_usize;
    for item in items.split('.') {
        let (found, left) = digits(item);
        if !found.is_empty() && left.is_empty() && found.bytes().all(|byte| byte == b'0') {
            zeros = zeros.saturating_add(1);
            continue;
        }
        for _ in 0..std::mem::take(&mut zeros) {
            out.extend([2, 0, 0]);
        }
        if found.is_empty() {
            // A sign that is before the digits, such as `*`, comes before all numbers.
            out.push(if left.as_bytes().first().is_none_or(|first| *first < b'0') { 1 } else { 3 });
        } else {
            out.push(2);
            number(out, found);
        }
        text(out, left);
    }
    out.push(0);
}
