//! The settings of a server in layers: a flag beats its variable, and that a file, `wasmstore.toml`.
//!
//! There is one list of settings, that of the flags: whatever `server` takes on its command line, the file takes under the flag's
//! long name. What the lower layers say is put behind the arguments as if it had been typed there, and clap parses all of it
//! together. So one parser judges every value, and what goes together with what is judged whichever layer it stands in.
//!
//! A file may hold keys and passwords: nothing here repeats what stands in it but for the names of keys, numbers, and names of
//! branches.

mod error;
mod file;
mod flags;
mod layers;
mod origin;
mod read;
mod value;

pub(super) use error::Error;
pub(super) use layers::Layers;
pub(super) use read::read;
