//! The exchanges that the fake answers otherwise, each with its reason.

/// One exchange that differs.
#[derive(Debug)]
pub(crate) struct Exception {
    pub(crate) file: &'static str,
    pub(crate) line: usize,
    pub(crate) reason: &'static str,
}

/// All of them.
pub(crate) const LIST: &[Exception] = &[];
