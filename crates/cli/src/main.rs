//! The one cloud and desk binary `yagura`: reads the command line, calls one library, prints, and maps failures to exit codes.
//!
//! Holds no logic that a library should have.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command-line tool talks to its terminal")]

mod advisory;
mod args;
mod bench;
mod child;
mod csaf;
mod demo;
mod device;
mod evidence;
mod failure;
mod feed;
mod filter;
mod ids;
mod inject;
mod lake;
mod output;
mod rule;
mod sbom;
mod scan;
mod score;
mod serve;
mod source;
mod state;
mod vex;

use args::{Args, Command, Device, Ids, Source, State};
use clap::Parser as _;
use failure::Failure;
use output::Output;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("yagura: {}", failure.text());
            failure.exit_code()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Ids(Ids::Learn { captures, dbc, out, json }) => ids::learn_profile(&ids::Learning {
            captures: &captures,
            dbc: &dbc,
            out: &out,
            json: Output::from_flag(json),
        }),
        Command::Ids(Ids::Replay { capture, profile, json }) => {
            ids::replay(&capture, &profile, Output::from_flag(json))
        }
        Command::Ids(Ids::Explain { profile, capture: None, json, .. }) => {
            ids::explain(&profile, Output::from_flag(json))
        }
        Command::Ids(Ids::Explain { profile, capture: Some(capture), event, at, id, .. }) => {
            ids::explain_alert(&profile, &capture, event.as_deref(), at, id)
        }
        Command::Ids(Ids::Eval(args)) => score::run(&args),
        Command::Ids(Ids::Diff { before, after, json }) => ids::diff(&before, &after, Output::from_flag(json)),
        Command::Ids(Ids::Inject(args)) => inject::run(&args),
        Command::Serve(args) => serve::run(*args),
        Command::Demo(args) => demo::run(&args),
        Command::Bench(args::Bench { feed: Some(order), .. }) => bench::feed_lanes(&order),
        Command::Bench(args) => bench::run(&args),
        Command::Evidence(command) => evidence::run(command),
        Command::Rule(command) => rule::run(command),
        Command::Device(Device::Token { device, model, server }) => device::token(&device, &model, &server),
        Command::Source(Source::Check { file, sample, json }) => {
            source::check(&file, sample.as_deref(), Output::from_flag(json))
        }
        Command::Source(Source::Token) => source::token(),
        Command::State(State::Export { file, server }) => state::export(&server, &file),
        Command::State(State::Import { file, server }) => state::import(&server, &file),
        Command::Device(Device::List { server, json }) => device::list(&server, json),
        Command::Device(Device::Show { device, server, json }) => device::show(&device, &server, json),
        Command::Device(Device::Revoke { device, server, reason }) => {
            device::revoke(&device, &server, reason.as_deref())
        }
        Command::SignInLink { server } => device::link(&server),
        Command::Lake(command) => lake::run(command),
        Command::Scan(args) => scan::run(&args),
        Command::Feed(command) => feed::run(&command),
        Command::Vex(command) => vex::run(&command),
        Command::Sbom(command) => sbom::run(&command),
        Command::Advisory(command) => advisory::run(&command),
        Command::Csaf(command) => csaf::run(&command),
        Command::Cvss(_) => filter::cvss(),
        Command::Purl(args) => filter::purl(&args),
        Command::Vers(args) => filter::vers(&args),
        Command::Version(command) => filter::version(&command),
    }
}
