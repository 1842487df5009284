//! Security events as Arrow record batches, and the event catalogue.
