//! The vault (evidence) and the lake (analytical data).
