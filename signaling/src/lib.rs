//! The signalling service: rooms, sockets and the delivery of MLS handshakes.
