//! The one cloud and desk binary `yagura`.
fn main() {}
