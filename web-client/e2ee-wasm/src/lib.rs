//! The end-to-end encryption core for the browser.
