//! Reads settings from the configuration files of the AWS command line.

/// The settings that are read from an AWS profile, each with the environment variable of the same meaning. `region` stands for
/// `AWS_DEFAULT_REGION` and not for `AWS_REGION`, which has priority: so each of the two environment variables overrides the region of the
/// profile.
const SETTINGS: [(&str, &str); 8] = [
    ("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
    ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
    ("aws_session_token", "AWS_SESSION_TOKEN"),
    ("region", "AWS_DEFAULT_REGION"),
    ("endpoint_url", "AWS_ENDPOINT_URL"),
    ("role_arn", "AWS_ROLE_ARN"),
    ("role_session_name", "AWS_ROLE_SESSION_NAME"),
    ("web_identity_token_file", "AWS_WEB_IDENTITY_TOKEN_FILE"),
];

/// The environment variables that together form one set of credentials. They are always taken from the same source (the environment or a
/// profile), because the session token of one source is not valid with the access key of another.
const CREDENTIALS: [&str; 3] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// Returns the settings of a profile in the text of `~/.aws/credentials` or `~/.aws/config`, under the names of the environment variables.
/// Both kinds of section names are accepted: `[name]` and `[profile name]`. Unknown settings and nested settings are skipped.
pub fn settings_of_profile(text: &str, profile: &str) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    let mut is_in_profile = false;
    for line in text.lines() {
        // A nested setting is indented, as in `s3 =` followed by `  endpoint_url = …`.
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        let line = line.trim();
        if let Some(section) = line
            .strip_prefix('[')
            .and_then(|line| line.split(']').next())
        {
            let section = section.trim();
            let name = section
                .strip_prefix("profile")
                .filter(|name| name.starts_with([' ', '\t']));
            is_in_profile = name.map_or(section, str::trim) == profile;
        } else if let (true, Some((key, value))) = (is_in_profile, line.split_once('=')) {
            let key = key.trim().to_ascii_lowercase();
            let known = SETTINGS.iter().find(|(name, _)| *name == key);
            if let (Some((_, variable)), false) = (known, value.trim().is_empty()) {
                settings.push(((*variable).to_owned(), value.trim().to_owned()));
            }
        }
    }
    settings
}

/// Returns the settings in `environment`, followed by the settings in `profile` that `environment` does not override.
pub fn with_profile(
    environment: Vec<(String, String)>,
    profile: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let is_credential = |name: &str| CREDENTIALS.contains(&name);
    let has_credentials = environment.iter().any(|(name, _)| is_credential(name));
    let is_overridden = |name: &str| {
        let is_set = environment.iter().any(|(other, _)| other == name);
        is_set || (has_credentials && is_credential(name))
    };
    let added: Vec<_> = profile
        .into_iter()
        .filter(|(name, _)| !is_overridden(name))
        .collect();
    environment.into_iter().chain(added).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_profile_is_found_in_both_files() {
        let credentials = "# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=B=\n\n[other]\naws_access_key_id=C\n";
        let config = "[profile other]\nregion = eu-1\ns3 =\n    endpoint_url = http://nested\nendpoint_url = http://x\noutput=json\n";
        let default = pairs(&[("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "B=")]);
        assert_eq!(settings_of_profile(credentials, "default"), default);
        assert_eq!(
            settings_of_profile(credentials, "other"),
            pairs(&[("AWS_ACCESS_KEY_ID", "C")])
        );
        let other = pairs(&[
            ("AWS_DEFAULT_REGION", "eu-1"),
            ("AWS_ENDPOINT_URL", "http://x"),
        ]);
        assert_eq!(settings_of_profile(config, "other"), other);
        assert_eq!(settings_of_profile(config, "absent"), []);
        assert_eq!(settings_of_profile("[ broken\n=\nx\n", "default"), []);
    }

    #[test]
    fn the_environment_overrides_a_profile() {
        let profile = pairs(&[
            ("AWS_ACCESS_KEY_ID", "P"),
            ("AWS_SESSION_TOKEN", "T"),
            ("AWS_DEFAULT_REGION", "eu"),
        ]);
        let environment = pairs(&[("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "S")]);
        let expected = pairs(&[
            ("AWS_ACCESS_KEY_ID", "E"),
            ("AWS_SECRET_ACCESS_KEY", "S"),
            ("AWS_DEFAULT_REGION", "eu"),
        ]);
        assert_eq!(with_profile(environment, profile.clone()), expected);
        assert_eq!(with_profile(Vec::new(), profile.clone()), profile);
    }
}
