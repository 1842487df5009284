//! A git repository's newest state beside the database, and which of its files changed.
//!
//! Not a git client: it calls `git`, which must be installed. Only the newest commit is kept. A repository is fetched by its own address
//! alone: no prompt, no submodules.

use crate::error::FeedError;
use crate::sync::State;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Brings the copy up to date. The files that are new or changed since `known`, or nothing if nothing is.
pub(crate) fn fetch(copy: &Path, url: &str, known: &State) -> Result<Option<(Vec<PathBuf>, State)>, FeedError> {
    let run = |args: &[&str]| git(copy, url, args);
    if !copy.join(".git").exists() {
        std::fs::create_dir_all(copy).map_err(|error| FeedError::File(copy.to_owned(), error))?;
        run(&["init", "--quiet"])?;
    }
    run(&["fetch", "--quiet", "--depth", "1", "--no-recurse-submodules", "--", url, "HEAD"])?;
    let commit = run(&["rev-parse", "FETCH_HEAD"])?.trim().to_owned();
    if known.commit.as_ref() == Some(&commit) {
        return Ok(None);
    }
    run(&["-c", "advice.detachedHead=false", "checkout", "--quiet", "--force", "--detach", "FETCH_HEAD"])?;
    // The commit of the last import may be gone from the copy: then all of it is looked at, and what is known costs little.
    let changed = known
        .commit
        .as_deref()
        .and_then(|before| run(&["diff", "--name-only", "--diff-filter=d", "-z", before, &commit]).ok());
    let paths = match changed {
        Some(names) => names.split('\0').filter(|name| !name.is_empty()).map(|name| copy.join(name)).collect(),
        None => vec![copy.to_owned()],
    };
    Ok(Some((paths, State { origin: url.to_owned(), commit: Some(commit), ..State::default() })))
}

fn git(copy: &Path, url: &str, args: &[&str]) -> Result<String, FeedError> {
    let failed = |why: String| FeedError::Fetch { origin: url.to_owned(), why };
    let output = Command::new("git")
        .arg("-C")
        .arg(copy)
        .args(args)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(format!("`git` cannot be run: {error}")))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("`git {}`: {}", args.join(" "), why.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
