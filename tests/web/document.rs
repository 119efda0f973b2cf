//! A parsed page: the errors of its HTML, its links, and what a strict policy would block.

use std::borrow::Cow;
use std::cell::RefCell;

use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::{Attribute, ExpandedName, QualName, parse_document};

/// What a page contains.
#[derive(Debug, Default)]
pub struct Document {
    /// The errors of the parser.
    pub errors: Vec<String>,
    /// The URLs of links and files.
    pub links: Vec<String>,
    /// The URLs of forms, without the fields that the forms add.
    pub forms: Vec<String>,
    /// What the policy blocks: attributes with styles or scripts, and elements with them inside.
    pub inline: Vec<String>,
    /// Values of `id`, in order.
    pub ids: Vec<String>,
    /// The values of `for`, `list`, `aria-labelledby` and `data-copy`, and fragments of links.
    pub references: Vec<String>,
    /// The number of headings of the first level.
    pub headings: usize,
}

/// A document that remembers the names of its elements only. The document itself is 0.
#[derive(Default)]
struct Names {
    names: RefCell<Vec<&'static QualName>>,
    document: RefCell<Document>,
}

impl Names {
    fn add(&self, name: Option<QualName>) -> usize {
        let name = name.unwrap_or_else(|| QualName::new(None, "".into(), "".into()));
        let mut names = self.names.borrow_mut();
        // A name lives as long as the test program: the parser wants references to it.
        names.push(Box::leak(Box::new(name)));
        names.len()
    }
}

impl TreeSink for Names {
    type Handle = usize;
    type Output = Document;
    type ElemName<'a> = ExpandedName<'a>;

    fn finish(self) -> Document {
        self.document.into_inner()
    }

    fn parse_error(&self, message: Cow<'static, str>) {
        self.document.borrow_mut().errors.push(message.into_owned());
    }

    fn get_document(&self) -> usize {
        0
    }

    fn elem_name(&self, target: &usize) -> ExpandedName<'_> {
        let name: &'static QualName = self.names.borrow()[*target - 1];
        name.expanded()
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _: ElementFlags) -> usize {
        self.document.borrow_mut().look_at(&name, &attributes);
        self.add(Some(name))
    }

    fn create_comment(&self, _: StrTendril) -> usize {
        self.add(None)
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> usize {
        self.add(None)
    }

    fn append(&self, parent: &usize, child: NodeOrText<usize>) {
        let is_inline =
            *parent > 0 && ["script", "style"].contains(&&*self.names.borrow()[*parent - 1].local);
        if let NodeOrText::AppendText(text) = child
            && is_inline
        {
            self.document.borrow_mut().inline.push(text.to_string());
        }
    }

    fn append_based_on_parent_node(&self, _: &usize, _: &usize, _: NodeOrText<usize>) {}
    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}
    fn append_before_sibling(&self, _: &usize, _: NodeOrText<usize>) {}
    fn add_attrs_if_missing(&self, _: &usize, _: Vec<Attribute>) {}
    fn remove_from_parent(&self, _: &usize) {}
    fn reparent_children(&self, _: &usize, _: &usize) {}

    fn get_template_contents(&self, target: &usize) -> usize {
        *target
    }

    fn same_node(&self, one: &usize, other: &usize) -> bool {
        one == other
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        if mode != QuirksMode::NoQuirks {
            self.parse_error("the document is in quirks mode".into());
        }
    }
}

impl Document {
    /// Parses a page.
    pub fn parse(html: &str) -> Self {
        let options = Default::default();
        parse_document(Names::default(), options).one(html)
    }

    fn look_at(&mut self, element: &QualName, attributes: &[Attribute]) {
        if &*element.local == "h1" {
            self.headings += 1;
        }
        for attribute in attributes {
            let (name, value) = (&*attribute.name.local, attribute.value.to_string());
            match name {
                "action" => self.forms.push(value),
                "href" | "src" => match value.strip_prefix('#') {
                    Some(id) => self.references.push(id.to_owned()),
                    None => self.links.push(value),
                },
                "id" => self.ids.push(value),
                "for" | "list" | "aria-labelledby" | "data-copy" => self.references.push(value),
                "style" => self.inline.push(value),
                name if name.starts_with("on") => self.inline.push(format!("{name}={value}")),
                _ => {}
            }
        }
    }
}
