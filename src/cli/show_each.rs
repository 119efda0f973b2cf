//! Shows each item as soon as it is found, because it may take long to find all of them.

use std::ops::ControlFlow;

use super::exit::Result;
use crate::remote;

/// Calls `show` for each item that `find` finds, until `show` fails.
///
/// # Errors
/// The error of `find` or of `show`.
pub(super) fn show_each<T>(
    find: impl FnOnce(&mut dyn FnMut(T) -> ControlFlow<()>) -> Result<(), remote::Error>,
    mut show: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let mut result = Ok(());
    find(&mut |item| {
        result = show(item);
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    result
}
