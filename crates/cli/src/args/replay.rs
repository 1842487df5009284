//! Arguments of `yagura rule replay`.

use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct RuleReplay {
    /// Directory or file of rules; the built-in ones if not said.
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) rules: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) indicators: super::rule::Indicators,
    /// The server's data directory, or the address of a lake (s3://bucket/prefix, az://container/prefix). A server may be running.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: String,
    /// Whose events.
    #[arg(long)]
    pub(crate) tenant: String,
    /// From this hour on, RFC 3339; from the first event if not said.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Up to and with this hour, RFC 3339; to the last event if not said.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Print what was found as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
