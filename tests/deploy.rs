//! What lies in deploy/ says what it means: it parses, it fits together, and it gives the program no more than it
//! needs.
//!
//! Everything here reads files. Where the machine has kubectl, promtool or systemd-analyze, they are asked, too.

// Marked, so that lints know helpers for tests as tests.
#[cfg(test)]
mod deploy {
    mod debian;
    mod files;
    mod kubernetes;
    mod kustomize;
    mod monitoring;
    mod systemd;
}
