//! Sends statements at once, instead of holding back their last part.
//!
//! It exists because sqlx leaves Nagle's algorithm on: the end of every large statement waits up to 40 ms for an
//! acknowledgement, which made a backfill five times slower on loopback. sqlx shows neither its socket nor an
//! option for it, so the process looks its own sockets up. Invariants: only sockets that lead to the database's
//! port are touched; where the kernel or a sandbox refuses, everything works as before, only slower.

/// Turns the delay off for this process's connections to `port`.
#[cfg(target_os = "linux")]
pub(super) fn turn_off_delay(port: u16) {
    use rustix::{
        net::{getpeername, sockopt::set_tcp_nodelay},
        process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
    };
    let (Ok(own), Ok(open)) =
        (pidfd_open(getpid(), PidfdFlags::empty()), std::fs::read_dir("/proc/self/fd"))
    else {
        return;
    };
    let numbers = open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for number in numbers.collect::<Vec<i32>>() {
        let Ok(socket) = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) else { continue };
        let peer = getpeername(&socket)
            .ok()
            .flatten()
            .and_then(|peer| std::net::SocketAddr::try_from(peer).ok());
        if peer.is_some_and(|peer| peer.port() == port) {
            // It stays as it was where this fails.
            let _ = set_tcp_nodelay(&socket, true);
        }
    }
}

/// Other systems have no way to look a socket up.
#[cfg(not(target_os = "linux"))]
pub(super) fn turn_off_delay(_port: u16) {}
