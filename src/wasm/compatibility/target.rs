//! Decides whether a component fits a WIT world.

use std::collections::HashSet;

use wit_parser::{Resolve, WorldId};

use super::component::compare_worlds;
use super::reasons::{Reasons, SubjectNames};
use crate::wasm::wit::{Decoded, Root, Skeleton, WitError, WitWorld, isolated};

/// The maximum length of the WIT text or encoded package that defines a world, in bytes. All of WASI has about 200 KB of WIT.
pub const WORLD_BYTES_MAX: usize = 512 << 10;
/// The maximum number of packages in a WIT text. The time that the parser needs grows with the third power of this number. All of WASI has
/// about ten packages.
const PACKAGES_MAX: usize = 100;

/// The name that the parser's errors have for the text.
const FILE: &str = "world.wit";

/// A WIT world against which components are checked.
#[derive(Clone, Debug)]
pub struct TargetWorld {
    resolve: Resolve,
    world: WorldId,
}

impl TargetWorld {
    /// Parses WIT text, or a WIT package that is encoded as a component, and selects the world `name`. If `name` is `None`, there must be
    /// only one world. A text must contain all packages that it uses, in `package a:b { … }` blocks.
    ///
    /// # Errors
    /// [`WitError::SourceTooLarge`]; [`WitError::Undecodable`] with the position of the error in the text.
    pub fn parse(source: &[u8], name: Option<&str>) -> Result<Self, WitError> {
        if source.len() > WORLD_BYTES_MAX {
            return Err(WitError::SourceTooLarge {
                bytes_max: WORLD_BYTES_MAX,
            });
        }
        isolated(|| {
            let (resolve, package) = if source.starts_with(b"\0asm") {
                match Decoded::of(source)? {
                    Decoded {
                        resolve,
                        root: Root::Package(package),
                        ..
                    } => (resolve, package),
                    _ => return Err(WitError::undecodable("not a WIT package")),
                }
            } else {
                let text = std::str::from_utf8(source).map_err(WitError::undecodable)?;
                check_packages(text)?;
                let mut resolve = Resolve::default();
                let pushed = resolve.push_source(FILE, text);
                let package = pushed.map_err(|error| {
                    WitError::undecodable(with_position(&resolve.render_error(&error)))
                })?;
                (resolve, package)
            };
            let world = resolve.select_world(&[package], name).map_err(|error| {
                let worlds = resolve.packages[package].worlds.keys();
                let worlds: Vec<_> = worlds.map(String::as_str).collect();
                let worlds = worlds.join(", ");
                WitError::undecodable(format!("{error:#}; the worlds are: {worlds}"))
            })?;
            Ok(Self { resolve, world })
        })
    }

    /// Returns the reasons why a valid component does not fit this world, one sentence each; an empty list if it fits. A component fits if
    /// the world imports everything that the component imports, and the component exports everything that the world exports. Interfaces may
    /// have different versions if these are compatible.
    ///
    /// # Errors
    /// If the module has no WIT; the error has the reason. [`WitError::CoreModule`] for a core module, because it fits no world.
    pub fn misfits(&self, module: &[u8]) -> Result<Vec<String>, WitError> {
        isolated(|| {
            let Skeleton::Component(component) = Skeleton::of(module)? else {
                return Err(WitError::CoreModule);
            };
            let Err(exact) = wit_component::targets(&self.resolve, self.world, &component, false)
            else {
                return Ok(Vec::new());
            };
            let compatible = wit_component::targets(&self.resolve, self.world, &component, true);
            if compatible.is_ok() {
                return Ok(Vec::new());
            }
            let reasons = self.explain(component)?;
            if reasons.is_empty() {
                return Ok(vec![WitError::undecodable(exact).to_string()]);
            }
            Ok(reasons)
        })
    }

    /// Returns all differences that prevent a component from fitting this world, described with the names in WIT. The error of the
    /// validator names only the first difference, and describes it with component types, which users of WIT do not know.
    fn explain(&self, component: Vec<u8>) -> Result<Vec<String>, WitError> {
        let mut reasons = Reasons::new(SubjectNames {
            new: "the component",
            old: "the world",
        });
        let world = Decoded {
            resolve: self.resolve.clone(),
            root: Root::Component(self.world),
            renamed: HashSet::new(),
        };
        let component = Decoded::exactly(&Skeleton::Component(component))?;
        compare_worlds(
            &WitWorld::of_decoded(&world)?,
            &WitWorld::of_decoded(&component)?,
            &mut reasons,
        );
        Ok(reasons.into_verdict().breaking)
    }
}

/// Rejects a WIT text with too many packages. The text is not parsed yet, so this function counts the word `package` everywhere except in
/// line comments.
fn check_packages(text: &str) -> Result<(), WitError> {
    let packages_in = |line: &str| {
        line.split("//")
            .next()
            .map_or(0, |code| code.matches("package").count())
    };
    if text.lines().map(packages_in).sum::<usize>() > PACKAGES_MAX {
        return Err(WitError::TooManyPackages {
            packages_max: PACKAGES_MAX,
        });
    }
    Ok(())
}

/// Returns the message of the parser with the line and the column, and without its excerpt of the text, which takes several lines.
fn with_position(rendered: &str) -> String {
    let position = |line: &str| {
        let rest = line.trim().strip_prefix("--> ")?.strip_prefix(FILE)?;
        let (line, column) = rest.strip_prefix(':')?.split_once(':')?;
        Some(format!(" (line {line}, column {column})"))
    };
    let Some(position) = rendered.lines().find_map(position) else {
        return rendered.to_owned();
    };
    let message = rendered.split("--> ").next().unwrap_or_default();
    message.trim_end().to_owned() + &position
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::wit::tests::{component, core_module, package};

    const HOST: &str = "package a:b@0.2.0;
        interface log { log: func(text: string); record line { text: string } lines: func() -> list<line>; }
        interface run { run: func(); }
        world small { export run; }
        world plugin { import log; export run; }";

    fn misfits(host: &[u8], component: &[u8]) -> Vec<String> {
        let world = TargetWorld::parse(host, Some("plugin")).unwrap();
        world.misfits(component).unwrap()
    }

    fn with(version: &str, world: &str) -> Vec<u8> {
        component(&format!(
            "package a:b@{version};
             interface log {{ log: func(text: string); }}
             interface run {{ run: func(); }}
             interface other {{ f: func(); }}
             world w {{ {world} }}"
        ))
    }

    #[test]
    fn a_component_fits_that_imports_less_and_exports_more() {
        for host in [HOST.as_bytes(), &package(HOST)] {
            for world in [
                "import log; export run;",
                "export run;",
                "export run; export other;",
            ] {
                for version in ["0.2.0", "0.2.9"] {
                    assert_eq!(
                        misfits(host, &with(version, world)),
                        Vec::<String>::new(),
                        "{world} {version}"
                    );
                }
            }
        }
    }

    #[test]
    fn each_reason_names_the_interface() {
        let host = HOST.as_bytes();
        assert_eq!(
            misfits(host, &with("0.2.0", "import other;")),
            [
                "the component imports the interface `a:b/other@0.2.0`, which the world does not",
                "the component does not export the interface `a:b/run@0.2.0`, which the world does",
            ]
        );
        assert_eq!(
            misfits(host, &with("0.3.0", "export run;")),
            ["the component does not export the interface `a:b/run@0.2.0`, which the world does"]
        );
        let retyped = component(
            "package a:b@0.2.0; interface log { log: func(text: u32); } interface run { run: func(); }
             world w { import log; export run; }",
        );
        assert_eq!(
            misfits(host, &retyped),
            [
                "the component imports the function `log` of `a:b/log@0.2.0` as `func(text: u32)`, not as `func(text: string)`"
            ]
        );
    }

    #[test]
    fn a_fault_has_its_position() {
        let rendered = "expected `x`\n     --> world.wit:2:31\n      |\n    2 | y\n";
        assert_eq!(with_position(rendered), "expected `x` (line 2, column 31)");
        assert_eq!(with_position("other"), "other");
    }

    #[test]
    fn a_world_is_selected_by_name() {
        let parse = |source: &str, name: Option<&str>| TargetWorld::parse(source.as_bytes(), name);
        let error = |source: &str, name: Option<&str>| parse(source, name).unwrap_err().to_string();
        assert!(error(HOST, None).contains("multiple worlds"));
        let none = error(HOST, Some("none"));
        assert!(none.contains("`none` not found"), "{none}");
        assert!(none.contains("; the worlds are: "), "{none}");
        assert!(parse(HOST, Some("a:b/small@0.2.0")).is_ok());
        assert!(
            error("package a:b; world w { import c:d/e; }", None).contains("(line 1, column 31)")
        );
        assert!(error(&" ".repeat(WORLD_BYTES_MAX + 1), None).contains("larger than 524288 bytes"));
        let packages =
            |count| "package a:b; // package package\n".to_owned() + &"package ".repeat(count);
        assert!(error(&packages(PACKAGES_MAX), None).contains("more than 100 packages"));
        assert!(error(&packages(PACKAGES_MAX - 1), None).contains("expected"));
        let module = core_module("package a:b; world w {}");
        let world = parse(HOST, Some("small")).unwrap();
        assert!(matches!(world.misfits(&module), Err(WitError::CoreModule)));
        assert!(TargetWorld::parse(&with("0.2.0", ""), None).is_err());
    }
}
