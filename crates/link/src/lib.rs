//! Vehicle to cloud protocol, both ends, sans-IO.
