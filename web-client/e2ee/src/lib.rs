//! End-to-end encryption: MLS (RFC 9420) and SFrame (RFC 9605). The only home of keys.
