//! Clean traffic and DBC files to sensor profiles, and back for explanation.
