//! The reasons why a module has no WIT.

use std::io;

use crate::wasm::error::one_line;

/// The reason why a module has no WIT, or why its WIT cannot be read. The module may still be valid.
#[derive(Debug, thiserror::Error)]
pub enum WitError {
    /// The bytes are a core module without the custom sections in which tools embed a world.
    #[error("a core module without a component-type section has no WIT")]
    CoreModule,
    /// The sections of the module that describe types are too large.
    #[error("the types of the component are larger than {bytes_max} bytes")]
    TooLarge {
        /// The maximum total size of these sections, in bytes.
        bytes_max: usize,
    },
    /// The text or package that defines a world is too large.
    #[error("the WIT is larger than {bytes_max} bytes")]
    SourceTooLarge {
        /// The maximum length of the text or package, in bytes.
        bytes_max: usize,
    },
    /// The text that defines a world has too many packages.
    #[error("the WIT has more than {packages_max} packages")]
    TooManyPackages {
        /// The maximum number of packages.
        packages_max: usize,
    },
    /// The interfaces and worlds have too many functions and types in total.
    #[error("the interfaces have {members} functions and types, which is more than {members_max}")]
    TooManyMembers {
        /// The number of functions and types in the module.
        members: usize,
        /// The maximum number of functions and types.
        members_max: usize,
    },
    /// Components in components are nested too deeply.
    #[error("components are nested more than {depth_max} levels deep")]
    TooDeep {
        /// The maximum number of nested levels.
        depth_max: usize,
    },
    /// WIT cannot express the component, the bytes are not a valid module, or the WIT text that defines a world is malformed.
    #[error("{0}")]
    Undecodable(String),
    /// The decoder panicked. That is a fault of the decoder, not of the module.
    #[error("the WIT decoder panicked: {0}")]
    Panicked(String),
    /// The thread of the decoder could not be started.
    #[error("the thread of the WIT decoder could not be started")]
    NoThread(#[source] io::Error),
}

impl WitError {
    /// Converts an error of the decoder, with its causes, to [`WitError::Undecodable`]. The text may contain long names from the module, so
    /// it is cut to one line of limited length.
    pub(in crate::wasm) fn undecodable(error: impl std::fmt::Display) -> Self {
        Self::Undecodable(one_line(&format!("{error:#}")))
    }

    /// Converts a panic of the decoder to [`WitError::Panicked`]. `panic` is the payload of the panic.
    pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Panicked(one_line(text.unwrap_or("no reason given")))
    }
}
