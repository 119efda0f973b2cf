//! Lists the functions and types of interfaces, each with its name, its text, and its shape (a digest of its structure).

use std::collections::HashMap;
use std::sync::Arc;

use wit_component::WitPrinter;
use wit_parser::{Function, FunctionKind, Resolve, TypeId, TypeOwner};

use super::WitError;
use super::shape::{Shape, Shapes};
use super::text::BoundedText;
use super::world::WitItemKind;

/// The maximum length of the text of a function or type, in bytes. A longer text is cut.
const TEXT_BYTES_MAX: usize = 4096;
/// The maximum total length of the texts of all functions and types of a module, in bytes. Further texts are empty.
const TEXTS_BYTES_MAX: usize = 8 << 20;

/// A function or type in an interface or a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::wasm) struct Member {
    /// Whether the member is a function or a type, or stands for a whole world.
    pub kind: WitItemKind,
    /// The name in the binary format, such as `[method]counter.increment`. It is unique in the interface.
    pub key: Arc<str>,
    /// The name as in WIT, such as `counter.increment`.
    pub name: Arc<str>,
    /// The definition on one line, such as `func(by: u32) -> u32` or `record point { x: s32, y: s32 }`. It ends with `…` if it is cut.
    pub text: Arc<str>,
    pub shape: Shape,
}

/// Creates members, and counts the total length of their texts.
pub(super) struct Members<'a> {
    resolve: &'a Resolve,
    shapes: &'a Shapes,
    texts_bytes: usize,
}

impl<'a> Members<'a> {
    pub(super) fn new(resolve: &'a Resolve, shapes: &'a Shapes) -> Self {
        Self {
            resolve,
            shapes,
            texts_bytes: 0,
        }
    }

    pub(super) fn function(&mut self, function: &Function) -> Result<Member, WitError> {
        let text = match self.text_bytes_max() {
            0 => String::new(),
            bytes_max => function_text(self.resolve, function, bytes_max)?,
        };
        Ok(self.member(
            WitItemKind::Function,
            &function.name,
            &function_name(function),
            text,
            self.shapes.of_function(function),
        ))
    }

    pub(super) fn ty(
        &mut self,
        name: &str,
        id: TypeId,
        owner: TypeOwner,
    ) -> Result<Member, WitError> {
        let text = match self.text_bytes_max() {
            0 => String::new(),
            bytes_max => type_text(self.resolve, name, id, owner, bytes_max)?,
        };
        Ok(self.member(WitItemKind::Type, name, name, text, self.shapes.of_id(id)))
    }

    fn text_bytes_max(&self) -> usize {
        TEXT_BYTES_MAX.min(TEXTS_BYTES_MAX - self.texts_bytes)
    }

    fn member(
        &mut self,
        kind: WitItemKind,
        key: &str,
        name: &str,
        text: String,
        shape: Shape,
    ) -> Member {
        self.texts_bytes = TEXTS_BYTES_MAX.min(self.texts_bytes + text.len());
        let key: Arc<str> = key.into();
        Member {
            kind,
            name: if name == &*key {
                Arc::clone(&key)
            } else {
                name.into()
            },
            key,
            text: text.into(),
            shape,
        }
    }
}

/// Returns the name of a function as in WIT. If the function is in a resource, the name of the resource precedes it.
fn function_name(function: &Function) -> String {
    let name = function
        .name
        .split_once(']')
        .map_or(&*function.name, |(_, name)| name);
    match &function.kind {
        FunctionKind::Constructor(_) => format!("{name}.constructor"),
        _ => name.to_owned(),
    }
}

/// Returns the signature of a function, such as `static func(a: u32) -> string`.
fn function_text(
    resolve: &Resolve,
    function: &Function,
    bytes_max: usize,
) -> Result<String, WitError> {
    use wit_component::Output as _;
    let (keyword, has_self) = keyword(&function.kind);
    let mut text = BoundedText::new(bytes_max);
    text.push_str(keyword);
    text.push_str("(");
    let parameters = function.params.iter().skip(usize::from(has_self));
    for (nth, parameter) in parameters.enumerate() {
        text.push_str(if nth > 0 { ", " } else { "" });
        text.push_str(&parameter.name);
        text.push_str(": ");
        text = text.print_type(resolve, &parameter.ty)?;
    }
    text.push_str(")");
    let result = function.result.as_ref();
    if let Some(result) = result.filter(|_| !function.is_constructor_shorthand(resolve)) {
        text.push_str(" -> ");
        text = text.print_type(resolve, result)?;
    }
    Ok(text.into_line())
}

/// Returns the words before the parameters of a function in WIT, and whether its first parameter is the implicit `self`.
fn keyword(kind: &FunctionKind) -> (&'static str, bool) {
    match kind {
        FunctionKind::Freestanding => ("func", false),
        FunctionKind::AsyncFreestanding => ("async func", false),
        FunctionKind::Method(_) => ("func", true),
        FunctionKind::AsyncMethod(_) => ("async func", true),
        FunctionKind::Static(_) => ("static func", false),
        FunctionKind::AsyncStatic(_) => ("static async func", false),
        FunctionKind::Constructor(_) => ("constructor", false),
        FunctionKind::Getter => ("get", false),
        FunctionKind::Setter => ("set", false),
        FunctionKind::MethodGetter(_) => ("get", true),
        FunctionKind::MethodSetter(_) => ("set", true),
        FunctionKind::StaticGetter(_) => ("static get", false),
        FunctionKind::StaticSetter(_) => ("static set", false),
    }
}

/// Returns the declaration of a type, such as `enum color { red, green }`.
fn type_text(
    resolve: &Resolve,
    name: &str,
    id: TypeId,
    owner: TypeOwner,
    bytes_max: usize,
) -> Result<String, WitError> {
    let mut printer = WitPrinter::new(BoundedText::new(bytes_max));
    let without_functions = HashMap::new();
    let types = std::iter::once((name, id));
    printer
        .emit_docs(false)
        .print_types(resolve, owner, types, &without_functions)
        .map_err(WitError::undecodable)?;
    let line = printer.output.into_line();
    let line = line.strip_suffix(';').unwrap_or(&line);
    Ok(line.replace(", }", " }"))
}
