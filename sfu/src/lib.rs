//! The SFU's shell: worker threads, UDP sockets, control and metrics.
