//! Parses a page into its code blocks and their marks.

use std::path::Path;

/// The beginning of a line that says to stop the servers of a page.
const STOP: &str = "Stop the server";

/// A page of the documentation.
pub struct Page {
    pub blocks: Vec<Block>,
}

/// A code block, by its mark.
#[derive(Debug, PartialEq)]
pub enum Block {
    /// What a reader types in every terminal before the first command of a page.
    SetUp {
        steps: Vec<Step>,
    },
    Typed {
        steps: Vec<Step>,
        is_soon: bool,
    },
    File {
        name: String,
        text: String,
    },
    NotRun {
        first: String,
    },
    Stop,
}

/// A command and the output that the page shows.
#[derive(Debug, PartialEq)]
pub struct Step {
    pub line: usize,
    pub command: String,
    pub shown: Vec<String>,
}

impl Page {
    pub fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let text = std::fs::read_to_string(path).unwrap();
        let blocks = blocks(&text, name);
        Self { blocks }
    }
}

fn blocks(text: &str, page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut mark = "";
    let mut was_blank = true;
    let mut lines = text.lines().enumerate().peekable();
    while let Some((at, line)) = lines.next() {
        let mut code = Vec::new();
        if line.starts_with("```") {
            code.extend(
                lines
                    .by_ref()
                    .map(|(_, line)| line)
                    .take_while(|line| *line != "```"),
            );
        } else if let Some(first) = line.strip_prefix("    ").filter(|_| was_blank) {
            code.push(first);
            let is_inside = |line: &str| line.starts_with("    ") || line.is_empty();
            while let Some((_, line)) = lines.next_if(|(_, line)| is_inside(line)) {
                code.push(line.strip_prefix("    ").unwrap_or_default());
            }
            drop_blanks(&mut code);
        }
        was_blank = line.is_empty() || !code.is_empty();
        if line.starts_with(STOP) {
            blocks.push(Block::Stop);
        }
        if let Some(comment) = line.strip_prefix("<!-- ") {
            mark = comment.strip_suffix(" -->").unwrap();
        } else if !code.is_empty() {
            blocks.push(block(
                &code,
                mark,
                at + 2 - usize::from(!line.starts_with("```")),
                page,
            ));
            mark = "";
        }
    }
    assert_eq!(mark, "", "{page}: a comment without a block");
    blocks
}

fn block(code: &[&str], mark: &str, line: usize, page: &str) -> Block {
    let (kind, name) = mark.split_once(": ").unwrap_or((mark, ""));
    match kind {
        "file" => Block::File {
            name: name.to_owned(),
            text: code.join("\n") + "\n",
        },
        "not run" => Block::NotRun {
            first: code[0].to_owned(),
        },
        "typed" => {
            let prompted: Vec<_> = code.iter().map(|line| format!("$ {line}\n…")).collect();
            let prompted: Vec<_> = prompted.iter().flat_map(|step| step.lines()).collect();
            Block::Typed {
                steps: typed(&prompted, line),
                is_soon: false,
            }
        }
        "" | "soon" | "set-up" => {
            assert!(
                code[0].starts_with("$ "),
                "{page}:{line}: no command, and not marked"
            );
            let steps = typed(code, line);
            let is_soon = kind == "soon";
            match kind {
                "set-up" => Block::SetUp { steps },
                _ => Block::Typed { steps, is_soon },
            }
        }
        _ => panic!("{page}:{line}: unknown mark {mark:?}"),
    }
}

fn typed(code: &[&str], first: usize) -> Vec<Step> {
    let mut steps = Vec::<Step>::new();
    for (at, line) in code.iter().enumerate() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step {
                line: first + at,
                command: command.to_owned(),
                shown: Vec::new(),
            }),
            (None, Some(step)) if step.shown.is_empty() && step.command.ends_with('\\') => {
                step.command += &format!("\n{line}");
            }
            (None, Some(step)) => step.shown.push((*line).to_owned()),
            (None, None) => unreachable!("the first line has a prompt"),
        }
    }
    for step in &mut steps {
        drop_blanks(&mut step.shown);
    }
    steps
}

/// Removes trailing blank lines.
pub fn drop_blanks<T: AsRef<str>>(lines: &mut Vec<T>) {
    while lines.pop_if(|line| line.as_ref().is_empty()).is_some() {}
}

#[test]
fn blocks_are_parsed_by_their_marks() {
    let step = |line, command: &str, shown: &[&str]| Step {
        line,
        command: command.to_owned(),
        shown: shown.iter().map(|line| (*line).to_owned()).collect(),
    };
    let text = "a\n\n    $ b \\\n      c\n    d\n\n    $ e\n\n<!-- file: f -->\n```\ng\n```\nStop the server with Ctrl-C:\n\n<!-- not run: h -->\n\n    i\n";
    let steps = vec![step(3, "b \\\n  c", &["d"]), step(7, "e", &[])];
    let file = Block::File {
        name: "f".to_owned(),
        text: "g\n".to_owned(),
    };
    let first = "i".to_owned();
    let is_soon = false;
    assert_eq!(
        blocks(text, "page"),
        [
            Block::Typed { steps, is_soon },
            file,
            Block::Stop,
            Block::NotRun { first }
        ]
    );
}
