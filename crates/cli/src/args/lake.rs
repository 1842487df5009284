//! The command line of the analytical tables: how a server keeps them, and what `yagura lake` takes.
//!
//! Options as data, like the rest of `args`.

use clap::Subcommand;

/// How a server looks after its lake.
#[derive(Debug, clap::Args)]
pub(crate) struct LakeCare {
    /// Days that events stay in the lake, by the day they happened; for ever if absent. Evidence is not touched.
    #[arg(long, value_name = "DAYS")]
    pub(crate) keep_events_days: Option<u32>,
    /// Days that alerts stay in the lake; for ever if absent.
    #[arg(long, value_name = "DAYS")]
    pub(crate) keep_alerts_days: Option<u32>,
    /// Days that samples of vehicle state stay in the lake; for ever if absent.
    #[arg(long, value_name = "DAYS")]
    pub(crate) keep_state_days: Option<u32>,
    /// Hours that the lake's tables can be asked as they were.
    #[arg(long, value_name = "HOURS", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=720))]
    pub(crate) lake_history_hours: u32,
    /// Share of one processor that looking after the lake may take, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) maintenance_cpu_percent: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lake {
    /// Answer one SELECT over events, alerts and vehicle_state.
    Query(LakeQuery),
    /// Take all rows of a vehicle out of the tables and their bytes off the disk, and write down that it was done.
    Forget(LakeForget),
}

#[derive(Debug, clap::Args)]
pub(crate) struct LakeQuery {
    /// One SELECT statement.
    pub(crate) sql: String,
    /// The server's data directory, or the address of a lake (s3://bucket/prefix, az://container/prefix).
    #[arg(long, value_name = "DIR")]
    pub(crate) data: String,
    /// Rows of this tenant only.
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Ask the tables as they were: a version of the table, or an RFC 3339 time of the last hours.
    #[arg(long, value_name = "VERSION|TIME")]
    pub(crate) at: Option<String>,
    /// The most rows.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) rows: usize,
    /// The longest time it may take, in seconds.
    #[arg(long, default_value_t = 300)]
    pub(crate) seconds: u64,
    /// The most memory it may take, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 1_024)]
    pub(crate) memory_mib: usize,
    /// One JSON object a line.
    #[arg(long, conflicts_with = "csv")]
    pub(crate) json: bool,
    /// CSV with a line of column names.
    #[arg(long)]
    pub(crate) csv: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LakeForget {
    /// The vehicle.
    pub(crate) vehicle: String,
    /// The server's data directory, or the address of a lake (s3://bucket/prefix, az://container/prefix).
    #[arg(long, value_name = "DIR")]
    pub(crate) data: String,
    /// The vehicle's tenant.
    #[arg(long, default_value = "demo")]
    pub(crate) tenant: String,
    /// Why; kept with the record of what was done.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Who asked; the name of the user who runs this if absent.
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Say what would go, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
