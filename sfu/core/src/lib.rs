//! The SFU's rooms, participants and subscriptions over str0m: no sockets, no clock.
