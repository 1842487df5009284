//! Builds this crate again when the files that are built into it change: the console and the rules.
//!
//! Makes the console's empty directory if there is none: cargo would otherwise look for it in vain, and build the crate each time.

fn main() {
    for dir in ["../../console/dist", "../../rules"] {
        // A read-only source tree has no console to come either.
        let _ = std::fs::create_dir_all(dir);
        println!("cargo::rerun-if-changed={dir}");
    }
}
