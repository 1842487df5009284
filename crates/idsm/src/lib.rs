//! AUTOSAR IdsM: the filter chain and the protocol's messages.
