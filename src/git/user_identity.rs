//! The identity of the user: the name and mail address that git records for the user's own commits (git-commit(1), "Commit information").

use super::user_env::config_command;

/// The name and the mail address of the user. A field is `None` if the source (environment variables or git's configuration) does not have
/// it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Identity {
    name: Option<String>,
    mail: Option<String>,
}

/// Returns the user's name and mail address, as `Name <mail>`. They are the values of `GIT_AUTHOR_NAME` and `GIT_AUTHOR_EMAIL`, or else of
/// `user.name` and `user.email` in git's configuration. Returns `None` if there is no name or git is not installed. git's own fallback, the
/// name of the account, is not used.
pub fn user_identity() -> Option<String> {
    let variable = |name| {
        let value = std::env::var(name).ok();
        value.filter(|value| !value.trim().is_empty())
    };
    let given = Identity {
        name: variable("GIT_AUTHOR_NAME"),
        mail: variable("GIT_AUTHOR_EMAIL"),
    };
    let configured = if given.name.is_some() && given.mail.is_some() {
        Identity::default()
    } else {
        configured()
    };
    let name = given.name.or(configured.name)?;
    let mail = given.mail.or(configured.mail).unwrap_or_default();
    Some(format!("{name} <{mail}>"))
}

/// Returns the identity in git's configuration. The configuration of the repository around the working directory is also read.
fn configured() -> Identity {
    let arguments = ["-z", "--get-regexp", r"^user\.(name|email)$"];
    match config_command(None, &arguments).output() {
        Ok(output) => parse(&output.stdout),
        Err(_) => Identity::default(),
    }
}

/// Parses the output of `git config -z`: for each setting a key, a line feed, a value and a NUL. If a key occurs more than once, the last
/// value is used.
fn parse(settings: &[u8]) -> Identity {
    let mut identity = Identity::default();
    for setting in settings.split(|byte| *byte == 0) {
        let setting = str::from_utf8(setting).unwrap_or_default();
        let (key, value) = setting.split_once('\n').unwrap_or_default();
        let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        match key {
            "user.name" => identity.name = value,
            "user.email" => identity.mail = value,
            _ => {}
        }
    }
    identity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_setting_counts() {
        let identity = |name: Option<&str>, mail: Option<&str>| Identity {
            name: name.map(str::to_owned),
            mail: mail.map(str::to_owned),
        };
        for (settings, expected) in [
            (
                &b"user.name\nAnn\0user.email\na@b\0user.name\n Bob \0"[..],
                identity(Some("Bob"), Some("a@b")),
            ),
            (b"user.name\0user.email\n\0", identity(None, None)),
            (b"user.name\n\xff\0", identity(None, None)),
            (b"", identity(None, None)),
        ] {
            assert_eq!(parse(settings), expected, "{settings:?}");
        }
    }
}
