//! Gate, pipeline, API and state of the cloud side.
