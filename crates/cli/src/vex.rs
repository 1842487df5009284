//! `yagura vex …`: statements made and converted.
//!
//! Not the formats (`yagura_psirt::vex`). The document goes to standard output, what it cannot say to standard error.

use crate::args::{Vex, VexFormat, VexHead, VexMake};
use crate::failure::Failure;
use crate::feed::now;
use crate::output::out;
use std::path::PathBuf;
use yagura_psirt::vex::{Format, Head, Statement, Status, Subject, read, words::CISA, write};

/// Runs a command.
pub(crate) fn run(command: &Vex) -> Result<(), Failure> {
    match command {
        Vex::Make(args) => print(&args.head, vec![made(args)?]),
        Vex::Convert { head, documents } => print(head, converted(documents)?),
    }
}

fn made(args: &VexMake) -> Result<Statement, Failure> {
    let status = CISA.status(&args.status).ok_or_else(|| {
        let known = "known: affected, not_affected, fixed, under_investigation";
        Failure::input(format!("--status {}", args.status), known)
    })?;
    let justification = match &args.justification {
        None => None,
        Some(word) => Some(CISA.justification(word).ok_or_else(|| {
            Failure::input(format!("--justification {word}"), "no such word: `yagura vex make --help` lists them")
        })?),
    };
    match status {
        Status::NotAffected if justification.is_none() && args.impact.is_none() => {
            let why = "say why with --justification or --impact";
            return Err(Failure::input("--status not_affected", why));
        }
        Status::Affected if args.action.is_none() => {
            return Err(Failure::input("--status affected", "say what is to be done with --action"));
        }
        _ => {}
    }
    let mut vulnerability = args.vulnerability.iter();
    let name = vulnerability.next().cloned().unwrap_or_default();
    let mut products = args.product.iter().map(|product| Subject::named(product));
    let first = products.next().unwrap_or(Subject::Name(String::new()));
    let mut statement = Statement::new(name, first, status);
    statement.vulnerability.extend(vulnerability.cloned());
    statement.subjects.extend(products);
    statement.within = args.within.iter().map(|within| Subject::named(within)).collect();
    statement.justification = justification;
    statement.impact.clone_from(&args.impact);
    statement.action.clone_from(&args.action);
    statement.author = Some(args.head.author.clone());
    statement.since = Some(now());
    Ok(statement)
}

fn converted(documents: &[PathBuf]) -> Result<Vec<Statement>, Failure> {
    let mut statements = Vec::new();
    for path in documents {
        let taken = read(&std::fs::read(path).map_err(|error| Failure::file(path, &error))?);
        for anomaly in &taken.anomalies {
            eprintln!("yagura: {}: {}: {}", path.display(), anomaly.place, anomaly.what);
        }
        if taken.statements.is_empty() {
            return Err(Failure::input(path.display(), "no statement in it"));
        }
        statements.extend(taken.statements);
    }
    Ok(statements)
}

fn print(head: &VexHead, statements: Vec<Statement>) -> Result<(), Failure> {
    let format = match head.format {
        VexFormat::Openvex => Format::OpenVex,
        VexFormat::Csaf => Format::Csaf,
        VexFormat::Cyclonedx => Format::CycloneDx,
        VexFormat::Spdx => Format::Spdx3,
    };
    let issued = now();
    let names: Vec<&str> = statements.iter().filter_map(|one| one.vulnerability.first()).map(String::as_str).collect();
    let title = match names.as_slice() {
        [only] => format!("How products stand to {only}"),
        all => format!("How products stand to {} vulnerabilities", all.len()),
    };
    let namespace = head.namespace.trim_end_matches('/');
    let id = head.id.clone().unwrap_or_else(|| format!("{namespace}/vex/{}", issued.0));
    let written = write(
        format,
        &statements,
        &Head {
            id,
            author: head.author.clone(),
            namespace: namespace.to_owned(),
            issued,
            version: head.revision,
            title,
        },
    );
    for lost in &written.lost {
        let of = names.get(lost.statement).copied().unwrap_or_default();
        eprintln!("yagura: statement {} ({of}): lost: {}", lost.statement + 1, lost.what);
    }
    out(format!("{:#}\n", written.document).as_bytes())
}
