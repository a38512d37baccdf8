//! An MLS delivery service (RFC 9750): one ordered log per group, without keys and without I/O.
