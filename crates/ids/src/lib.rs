//! Detectors with bounded state: frame in, security events out.
