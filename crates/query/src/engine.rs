//! Runs questions: on threads of its own, within limits, and stops when nobody waits any more.
//!
//! Not the tables (those are `table`). Invariants: at most [`Limits::queries_max`] at once, all together within
//! [`Limits::memory_bytes_max`], each within [`Limits::seconds_max`]; a question whose asker is gone is dropped. Cost: a session
//! per question, some milliseconds of planning.

use crate::answer::Answer;
use crate::error::QueryError;
use crate::hours::Hours;
use crate::once::JudgeOnce;
use crate::statement::{STACK_BYTES, parse};
use crate::table::{LakeTable, Rows};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::registry::FunctionRegistry as _;
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};
use futures::StreamExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What questions may cost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Threads that work on questions.
    pub threads: usize,
    /// Memory of all questions together.
    pub memory_bytes_max: usize,
    /// Room in the system's temporary directory for what does not fit into memory; 0 for none. Given back after each question.
    pub spill_bytes_max: u64,
    /// How long one may take.
    pub seconds_max: u64,
    /// The most rows of one answer.
    pub rows_max: usize,
    /// The most bytes of one answer, in memory.
    pub answer_bytes_max: usize,
    /// How many run at once.
    pub queries_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            threads: 2,
            memory_bytes_max: 512 << 20,
            spill_bytes_max: 2 << 30,
            seconds_max: 30,
            rows_max: 100_000,
            answer_bytes_max: 256 << 20,
            queries_max: 4,
        }
    }
}

/// Whose rows a question sees.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Those of one tenant.
    Tenant(String),
    /// All: for an operator at the machine itself, who can read the files anyway.
    Operator,
}

/// A question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// Whose rows it sees.
    pub scope: Scope,
    /// One `SELECT`.
    pub sql: String,
    /// The most rows that are wanted, at most [`Limits::rows_max`].
    pub rows: usize,
}

/// The query engine. Share it by reference or `Arc`.
pub struct Engine {
    limits: Limits,
    env: Arc<RuntimeEnv>,
    permits: Semaphore,
    runtime: Option<Runtime>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine with its threads.
    ///
    /// # Errors
    /// [`QueryError::Stopped`] if the system gives no threads.
    pub fn start(limits: Limits) -> Result<Self, QueryError> {
        let stopped = |reason: String| QueryError::Stopped { reason };
        let mut builder = Builder::new_multi_thread();
        let builder = builder.worker_threads(limits.threads.max(1)).thread_name("query").enable_all();
        let builder = builder.thread_stack_size(STACK_BYTES);
        let runtime = builder.build().map_err(|error| stopped(error.to_string()))?;
        let mode = match limits.spill_bytes_max {
            0 => DiskManagerMode::Disabled,
            _ => DiskManagerMode::OsTmpDirectory,
        };
        let disk = DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(limits.spill_bytes_max);
        let env = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory_bytes_max)))
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(|error| stopped(error.strip_backtrace()))?;
        let permits = Semaphore::new(limits.queries_max);
        Ok(Self { limits, env, permits, runtime: Some(runtime) })
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers a question over these tables. Dropping the future ends the work.
    ///
    /// # Errors
    /// [`QueryError`], sorted by who must act.
    pub async fn ask(&self, question: Question, tables: Vec<Rows>) -> Result<Answer, QueryError> {
        let limits = self.limits;
        let permit = self.permits.try_acquire().map_err(|_| QueryError::Busy { queries: limits.queries_max })?;
        let Some(runtime) = &self.runtime else { return Err(QueryError::Stopped { reason: "it ends".to_owned() }) };
        let env = self.env.clone();
        let work = async move {
            let seconds = limits.seconds_max;
            let answered = timeout(Duration::from_secs(seconds), answer(&limits, env, question, tables)).await;
            answered.unwrap_or(Err(QueryError::TimedOut { seconds }))
        };
        let mut running = Running(runtime.spawn(work));
        let answered = (&mut running.0).await;
        drop(permit);
        answered.unwrap_or_else(|error| Err(QueryError::Stopped { reason: error.to_string() }))
    }

    /// [`Engine::ask`] for callers that may wait.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn ask_blocking(&self, question: Question, tables: Vec<Rows>) -> Result<Answer, QueryError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(self.ask(question, tables)),
            None => Err(QueryError::Stopped { reason: "it ends".to_owned() }),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Also inside an async task, where a runtime must not wait for its threads.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Work that ends with whoever waits for it.
struct Running(JoinHandle<Result<Answer, QueryError>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn answer(
    limits: &Limits,
    env: Arc<RuntimeEnv>,
    question: Question,
    tables: Vec<Rows>,
) -> Result<Answer, QueryError> {
    let begun = Instant::now();
    let failed = |error| QueryError::engine(error, limits.memory_bytes_max);
    let context = session(limits, env)?;
    let tenant = match &question.scope {
        Scope::Tenant(tenant) => Some(tenant.clone()),
        Scope::Operator => None,
    };
    for rows in tables {
        let table = rows.snapshot.table;
        let store = rows.snapshot.objects.clone();
        let url = LakeTable::url(table).map_err(failed)?;
        context.register_object_store(url.as_ref(), store);
        context.register_table(table.name(), Arc::new(LakeTable::new(rows, tenant.clone()))).map_err(failed)?;
    }
    let rows_max = question.rows.min(limits.rows_max);
    let frame = plan(&context, &question.sql).await.and_then(|frame| {
        let one_more = rows_max.saturating_add(1);
        frame.limit(0, Some(one_more)).map_err(failed)
    })?;
    let mut stream = frame.execute_stream().await.map_err(failed)?;
    let mut answer = Answer::empty(stream.schema());
    let (mut rows, mut bytes) = (0, 0_usize);
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(failed)?;
        let room = rows_max.saturating_sub(rows);
        let kept = batch.slice(0, batch.num_rows().min(room));
        answer.truncated |= kept.num_rows() < batch.num_rows();
        rows = rows.saturating_add(kept.num_rows());
        bytes = bytes.saturating_add(kept.get_array_memory_size());
        if bytes > limits.answer_bytes_max {
            return Err(QueryError::TooLarge { bytes: limits.answer_bytes_max });
        }
        if kept.num_rows() > 0 {
            answer.batches.push(kept);
        }
    }
    answer.took = begun.elapsed();
    Ok(answer)
}

async fn plan(context: &SessionContext, sql: &str) -> Result<DataFrame, QueryError> {
    let statement = parse(sql)?;
    let failed = |error| QueryError::engine(error, 0);
    let plan = context.state().statement_to_plan(statement).await.map_err(failed)?;
    let only_select = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_select.verify_plan(&plan).map_err(failed)?;
    context.execute_logical_plan(plan).await.map_err(failed)
}

fn session(limits: &Limits, env: Arc<RuntimeEnv>) -> Result<SessionContext, QueryError> {
    let config = SessionConfig::new()
        .with_target_partitions(limits.threads.max(1))
        .with_information_schema(true)
        .with_default_catalog_and_schema("lake", "public")
        .set_bool("datafusion.optimizer.expand_views_at_output", true)
        .set_bool("datafusion.execution.parquet.reorder_filters", true);
    let builder = SessionStateBuilder::new().with_config(config).with_runtime_env(env).with_default_features();
    let mut state = builder.with_physical_optimizer_rule(Arc::new(JudgeOnce)).build();
    state.register_function_rewrite(Arc::new(Hours)).map_err(|error| QueryError::engine(error, 0))?;
    Ok(SessionContext::new_with_state(state))
}
