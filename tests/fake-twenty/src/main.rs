//! The fake server as a program.

fn main() {}
