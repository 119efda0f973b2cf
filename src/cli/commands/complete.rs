//! `complete`: completes a word, for the scripts of `completions`.

use crate::cli::completion::{CompletionShell, Completions, TypedWords, complete};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Print the completions of the last word; the scripts of `completions` run this command
///
/// The first line says how the shell uses them: `paths` if it quotes them like names of files, `files` or `directories` if it adds those on
/// disk. Each other line is a candidate; for zsh and fish, a tab and a description follow.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(in crate::cli) struct CompleteArgs {
    /// The shell
    #[arg(value_enum)]
    shell: CompletionShell,
    /// The command line up to the cursor, which only bash needs
    #[arg(allow_hyphen_values = true)]
    line: String,
    /// The words up to the cursor, as the shell has them
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
                // bash replaces only the end of the word.
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
