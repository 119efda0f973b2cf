//! The argument that the word at the cursor belongs to.

use clap::{Arg, Command, CommandFactory as _};

use crate::cli::command_line::CommandLine;

/// The position of the cursor in a command line: the command, and the kind of word that can follow.
#[derive(Debug)]
pub(super) struct Position<'c> {
    /// The words of the command before the cursor, such as `mirror push`, without the program's name. Empty if there is no command yet.
    pub command_name: String,
    /// clap's definition of this command.
    pub command: &'c Command,
    /// The kind of word at the cursor.
    pub expected: Expected<'c>,
    /// The number of bytes in the word at the cursor before the value: 9 in `--branch=ma`, 0 if the word is only a value.
    pub value_start: usize,
    /// Whether all further words are values even if they begin with `-`, because `--` or the command of `watch` came before.
    pub only_values_follow: bool,
    /// The values before the cursor, each in a pair with the id that clap has for its argument.
    pub values: Vec<(&'c str, String)>,
}

/// The kind of word that can stand at the cursor.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected<'c> {
    /// The name of a command.
    Subcommand,
    /// An option.
    Flag,
    /// The value of an argument.
    Value(&'c Arg),
    /// A word that cannot be completed, for example after an unknown option, or a positional argument too many.
    Nothing,
}

impl<'c> Position<'c> {
    /// Finds the position of the word `current` after the words `before`. The first of these is the program. The caller must have called
    /// `Command::build` on `root`.
    pub fn find(root: &'c Command, before: &[String], current: &str) -> Self {
        let mut position = Self {
            command_name: String::new(),
            command: root,
            expected: Expected::Nothing,
            value_start: 0,
            only_values_follow: false,
            values: Vec::new(),
        };
        let (mut pending, mut positionals) = (None, 0);
        for word in before.iter().skip(1) {
            pending = position.read(word, pending, &mut positionals);
        }
        position.expect(current, pending, positionals);
        position
    }

    /// Reads a word before the cursor. If the word is the value of the option before it, `pending` is this option. If the word is an option
    /// whose value must be the next word, returns this option.
    fn read(
        &mut self,
        word: &str,
        pending: Option<&'c Arg>,
        positionals: &mut usize,
    ) -> Option<&'c Arg> {
        if let Some(arg) = pending {
            self.values.push((arg.get_id().as_str(), word.to_owned()));
            return None;
        }
        if !self.only_values_follow && word == "--" {
            self.only_values_follow = true;
            return None;
        }
        if let Some(name) = word.strip_prefix("--").filter(|_| !self.only_values_follow) {
            let (name, value) = name
                .split_once('=')
                .map_or((name, None), |(name, value)| (name, Some(value)));
            let arg = self.long(name).filter(|arg| takes_value(arg))?;
            let Some(value) = value else { return Some(arg) };
            self.values.push((arg.get_id().as_str(), value.to_owned()));
            return None;
        }
        if let Some(flags) = word
            .strip_prefix('-')
            .filter(|flags| !self.only_values_follow && !flags.is_empty())
        {
            return self.read_short(flags);
        }
        let command = self.command.find_subcommand(word);
        if let Some(command) = command.filter(|_| *positionals == 0 && !self.only_values_follow) {
            let blank = if self.command_name.is_empty() {
                ""
            } else {
                " "
            };
            self.command_name = format!("{}{blank}{}", self.command_name, command.get_name());
            self.command = command;
            return None;
        }
        if let Some(arg) = self.positional(*positionals) {
            self.values.push((arg.get_id().as_str(), word.to_owned()));
            // The command that `watch` runs begins here: the following words are its arguments, not options of `watch`.
            self.only_values_follow |= arg.is_trailing_var_arg_set();
        }
        *positionals += 1;
        None
    }

    /// Reads a word of short flags, such as `fm` in `-fm TEXT`. Returns the flag whose value is the next word; `None` if no flag takes a
    /// value, or if the value is in the same word, as in `-mTEXT`.
    fn read_short(&mut self, flags: &str) -> Option<&'c Arg> {
        for (index, flag) in flags.char_indices() {
            let arg = self
                .command
                .get_arguments()
                .find(|arg| arg.get_short() == Some(flag))?;
            if takes_value(arg) {
                let value = &flags[index + flag.len_utf8()..];
                if value.is_empty() {
                    return Some(arg);
                }
                self.values.push((arg.get_id().as_str(), value.to_owned()));
                return None;
            }
        }
        None
    }

    fn expect(&mut self, current: &str, pending: Option<&'c Arg>, positionals: usize) {
        if let Some(arg) = pending {
            self.expected = Expected::Value(arg);
        } else if current.starts_with('-') && !self.only_values_follow {
            self.expected = Expected::Flag;
            if let Some((name, _)) = current.split_once('=') {
                let arg = name.strip_prefix("--").and_then(|name| self.long(name));
                let arg = arg.filter(|arg| takes_value(arg));
                self.expected = arg.map_or(Expected::Nothing, Expected::Value);
                self.value_start = name.len() + 1;
            }
        } else if self.command.has_subcommands() && positionals == 0 {
            self.expected = Expected::Subcommand;
        } else if let Some(arg) = self.positional(positionals) {
            self.expected = Expected::Value(arg);
        }
    }

    fn long(&self, name: &str) -> Option<&'c Arg> {
        self.command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(name))
    }

    /// Returns the positional argument to which the next value belongs, after `count` values. An argument that takes several values takes
    /// all further ones.
    fn positional(&self, count: usize) -> Option<&'c Arg> {
        let takes_many = |arg: &Arg| {
            arg.get_num_args()
                .is_some_and(|range| range.max_values() > 1)
        };
        let mut positionals = self.command.get_positionals().enumerate();
        let found = positionals.find(|(index, arg)| *index == count || takes_many(arg));
        found.map(|(_, arg)| arg)
    }

    /// Returns the value of an argument before the cursor. If the argument was given several times, returns the last value.
    pub fn value(&self, id: &str) -> Option<&str> {
        let mut values = self.values.iter().rev();
        values
            .find(|(found, _)| *found == id)
            .map(|(_, value)| value.as_str())
    }
}

/// Returns the values of the positional arguments in `args`, in order: neither options nor their values. The first of `args` is the program.
pub(in crate::cli) fn positional_values(args: &[String]) -> Vec<String> {
    let mut root = CommandLine::command();
    root.build();
    let position = Position::find(&root, args, "");
    let is_positional = |id: &str| {
        let mut positionals = position.command.get_positionals();
        positionals.any(|arg| arg.get_id() == id)
    };
    let values = position.values.iter();
    let values = values.filter(|(id, _)| is_positional(id));
    values.map(|(_, value)| value.clone()).collect()
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|range| range.takes_values())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(line: &str) -> String {
        let mut root = CommandLine::command();
        root.build();
        let mut words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let current = words.pop().unwrap();
        let position = Position::find(&root, &words, &current);
        let expected = match position.expected {
            Expected::Subcommand => "subcommand",
            Expected::Flag => "flag",
            Expected::Nothing => "nothing",
            Expected::Value(arg) => arg.get_id().as_str(),
        };
        format!("{}: {expected}", position.command_name)
    }

    #[test]
    fn the_values_of_options_are_not_positional() {
        for (line, expected) in [
            ("w branch a --author x b", &["a"][..]),
            ("w remove --author x -m y a", &["a"]),
            ("w tag -m v0 v1 --commit main", &["v1", "main"]),
            ("w set --author=x -mfirst from to", &["from", "to"]),
            ("w set -- -a b", &["-a", "b"]),
            ("w list", &[]),
        ] {
            let args: Vec<_> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(positional_values(&args), expected, "{line}");
        }
    }

    #[test]
    fn a_word_belongs_to_an_argument() {
        for (line, expected) in [
            ("w ", ": subcommand"),
            ("w --root x li", ": subcommand"),
            ("w --root=x list ma", "list: prefix"),
            ("w list --", "list: flag"),
            ("w list --branch ", "list: branch"),
            ("w list --branch=", "list: branch"),
            ("w list --json a", "list: prefix"),
            ("w find -o x a", "find: name"),
            ("w find -ox a", "find: name"),
            ("w find -o ", "find: output"),
            ("w find a b", "find: nothing"),
            ("w remove list a", "remove: names"),
            ("w remove -- -", "remove: names"),
            ("w mv a b c", "mv: sources"),
            ("w mirror ", "mirror: subcommand"),
            ("w mirror push ", "mirror push: name"),
            ("w tag v1 ", "tag: revision"),
            ("w nonsense x", ": nothing"),
            ("w help re", "help: subcommand"),
            ("w watch --path g make -", "watch: command"),
        ] {
            assert_eq!(describe(line), expected, "{line}");
        }
    }
}
