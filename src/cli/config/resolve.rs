//! Resolves the settings of a server: reads the configuration file, and combines it with the flags and the environment variables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::combine::{Combine, combine_fields};
use super::error::ConfigError;
use super::file::{ConfigFile, FileSettings};
use super::server_args::{ServerArgs, ServerFlags};
use super::source::Source;
use crate::cli::args::GlobalArgs;
use crate::cli::environment::variable;

/// Each entry is a main setting, the placeholder for its value in error messages, and the settings that need the main setting.
const DEPENDENT_SETTINGS: [(&str, &str, &[&str]); 2] = [
    ("replica-of", "<URL>", &["replica-changes", "replica-poll"]),
    (
        "bucket",
        "<URL>",
        &["peer-url", "bucket-poll", "bucket-write-interval"],
    ),
];

/// Reads the configuration file that a flag or a variable names, and combines it with the flags and the variables.
///
/// # Errors
/// The file cannot be read; the file or a variable contains an invalid setting. The error gives the location of the setting.
pub(in crate::cli) fn resolve(
    flags: &Arc<ServerFlags>,
) -> Result<(ServerArgs, GlobalArgs), ConfigError> {
    let path = flags.server.config.clone();
    let path = path.or_else(|| variable("WASMSTORE_CONFIG").map(PathBuf::from));
    let mut file = read_if_named(path.as_deref())?;
    let settings = std::mem::take(&mut file.settings);
    let mut combine = Combine::new(&flags.matches, &file);
    let (mut server, mut globals) = (flags.server.clone(), flags.globals.clone());
    combine_all(&mut combine, &mut server, &mut globals, settings)?;
    server.sources = combine.finish(path);
    server.flags = Some(Arc::clone(flags));
    Ok((server, globals))
}

fn read_if_named(path: Option<&Path>) -> Result<ConfigFile, ConfigError> {
    match path {
        Some(path) => ConfigFile::read(path, &ServerArgs::setting_names()),
        None => Ok(ConfigFile::default()),
    }
}

fn combine_all(
    combine: &mut Combine<'_>,
    server: &mut ServerArgs,
    globals: &mut GlobalArgs,
    mut file: FileSettings,
) -> Result<(), ConfigError> {
    combine_fields!(combine, server, file: host, port);
    combine.list("listen", &mut server.listen, file.listen.take());
    combine_fields!(combine, server, file: base_path);
    combine.list(
        "allowed_host",
        &mut server.allowed_host,
        file.allowed_host.take(),
    );
    combine.list(
        "trusted_proxy",
        &mut server.trusted_proxy,
        file.trusted_proxy.take(),
    );
    combine_fields!(combine, server, file: auth, auth_file);
    combine.switch("cors", &mut server.cors, file.cors.take());
    combine.switch("no_web", &mut server.no_web, file.no_web.take());
    combine_fields!(combine, server, file: tls);
    combine.list("mirror", &mut server.mirror, file.mirror.take());
    combine.switch("log_json", &mut server.log_json, file.log_json.take());
    server.replica.combine(combine, &mut file)?;
    server.bucket.combine(combine, &mut file)?;
    server.schedule.combine(combine, &mut file)?;
    server.limits.combine(combine, &mut file)?;
    combine_fields!(combine, globals, file: root, branch);
    combine.verbosity(
        (&mut globals.verbose, &mut globals.quiet),
        (file.verbose.take(), file.quiet.take()),
    );
    combine_fields!(combine, globals, file: color);
    require_main_settings(combine)
}

/// Checks that settings of a replica are used only with `--replica-of`, that settings of a bucket are used only with `--bucket`, and that
/// `--replica-of` and `--bucket` are not used together. clap's `requires` and `conflicts_with` cannot check that, because some settings may
/// be flags, and others may be in variables or the configuration file.
fn require_main_settings(combine: &Combine<'_>) -> Result<(), ConfigError> {
    if let Some(origin) = combine.source("bucket").cloned()
        && combine.source("replica-of").is_some()
    {
        let fault = "cannot be used together with --replica-of".to_owned();
        return Err(ConfigError::Invalid { origin, fault });
    }
    for (main, value, dependent) in DEPENDENT_SETTINGS {
        if combine.source(main).is_some() {
            continue;
        }
        for key in dependent {
            if let Some(source) = combine.source(key) {
                let fault = match source {
                    Source::Line(..) => format!("`{key}` needs --{main} {value}"),
                    _ => format!("needs --{main} {value}"),
                };
                let origin = source.clone();
                return Err(ConfigError::Invalid { origin, fault });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::{Args, Command, FromArgMatches};

    use super::*;

    /// TOML values of all types. For a new flag that accepts none of them, add a value.
    const SAMPLES: [&str; 13] = [
        "\"s3://a/b\"",
        "true",
        "8",
        "\"http://a\"",
        "\"a,b\"",
        "\"main\"",
        "\"redirect\"",
        "\"auto\"",
        "\"1h\"",
        "\"localhost:80\"",
        "\"/a\"",
        "\"a.example\"",
        "\"10.0.0.0/8\"",
    ];

    fn flags(args: &[&str]) -> Arc<ServerFlags> {
        let command = ServerArgs::augment_args(GlobalArgs::augment_args(Command::new("")));
        let matches = command.get_matches_from([&["wasmstore"], args].concat());
        Arc::new(ServerFlags {
            server: ServerArgs::from_arg_matches(&matches).unwrap(),
            globals: GlobalArgs::from_arg_matches(&matches).unwrap(),
            matches,
        })
    }

    #[test]
    fn every_flag_of_the_server_is_a_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wasmstore.toml");
        let flags = flags(&["--config", path.to_str().unwrap()]);
        let names = ServerArgs::setting_names();
        assert!(names.len() >= 40, "{}", names.len());
        for name in &names {
            let is_accepted = |sample: &&&str| {
                fs::write(&path, format!("{name} = {sample}\n")).unwrap();
                ConfigFile::read(&path, &names).is_ok()
            };
            let sample = SAMPLES.iter().find(is_accepted);
            let sample = sample.unwrap_or_else(|| panic!("{name}"));
            let sources = match resolve(&flags) {
                Ok((server, _)) => server.sources,
                Err(ConfigError::Invalid { fault, .. }) if fault.contains("needs") => continue,
                Err(error) => panic!("{name} = {sample}: {error}"),
            };
            let keys: Vec<_> = sources.settings.iter().map(|set| &set.key).collect();
            assert_eq!(keys, [name], "{sample}");
            let line = Source::Line(path.clone(), 1);
            assert_eq!(sources.settings[0].source, line);
        }
    }

    #[test]
    fn paths_are_relative_to_the_directory_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wasmstore.toml");
        let flags = flags(&["--config", path.to_str().unwrap()]);
        for (line, expected) in [
            ("auth-file = 'keys'", "DIR/keys"),
            ("auth-file = '/keys'", "/keys"),
            ("root = '../db'", "DIR/../db"),
            ("tls = 'k,/c'", "DIR/k,/c"),
            ("host = 'localhost'", "localhost"),
        ] {
            fs::write(&path, line).unwrap();
            let (server, _) = resolve(&flags).unwrap();
            let expected = expected.replace("DIR", directory.path().to_str().unwrap());
            assert_eq!(server.sources.settings[0].value, expected, "{line}");
        }
    }
}
