//! Sigma rules and correlations over record batches.
