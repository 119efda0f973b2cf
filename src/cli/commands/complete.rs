//! `complete`: completes a word, for the scripts of `completions`.

use crate::cli::completion::{CompletionShell, Completions, TypedWords, complete};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Print the completions of the last word; the scripts of `completions` run this command
///
/// The first line says how the shell uses the completions: `paths` means to quote them like file names, and `files` or `directories` means
/// to offer files or directories on disk too. Each other line is a completion; for zsh and fish, a tab and a description follow.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(in crate::cli) struct CompleteArgs {
    /// The shell that asks for completions
    #[arg(value_enum)]
    shell: CompletionShell,
    /// The command line up to the cursor; only bash needs it
    #[arg(allow_hyphen_values = true)]
    line: String,
    /// The words up to the cursor, in the form in which the shell's script passes them
    #[arg(last = true)]
    words: Vec<String>,
}

impl CompleteArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let words = match self.shell {
            CompletionShell::Bash => TypedWords::of_bash(&self.line, &self.words),
            CompletionShell::Zsh => TypedWords::plain(self.words),
            CompletionShell::Fish => TypedWords::with_quoted_end(self.words),
        };
        let completions = complete(settings.command_line_factory(), &words);
        out.line(format_args!("{}", directives(&completions).join(" ")))?;
        for candidate in &completions.candidates {
            match self.shell {
                // bash replaces only the part of the word after the last `=`, `:` or `@`, so only this part of the candidate is printed.
                CompletionShell::Bash => {
                    out.line(format_args!("{}", &candidate.value[words.kept_bytes..]))?;
                }
                CompletionShell::Zsh | CompletionShell::Fish => {
                    out.line(format_args!(
                        "{}\t{}",
                        candidate.value, candidate.description
                    ))?;
                }
            }
        }
        Ok(())
    }
}

fn directives(completions: &Completions) -> Vec<&'static str> {
    let directives = [
        ("paths", completions.are_paths),
        ("files", completions.has_files),
        ("directories", completions.has_local_directories),
    ];
    let set = directives.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(name, _)| name).collect()
}
