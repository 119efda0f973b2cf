//! The table of the largest functions of a module.

use maud::{Markup, html};

use crate::store::Facts;
use crate::web::format::{bytes, count, percent};
use crate::web::icicle::bar;
use crate::web::size_tree::function_label;

/// The number of functions in the table.
const FUNCTIONS_MAX: usize = 12;

/// Renders the table, with the largest function first. Renders nothing if the module has no functions.
pub(super) fn table(facts: &Facts) -> Markup {
    // `functions.items` is sorted by size.
    let functions = &facts.functions.items;
    html! {
        @if !functions.is_empty() {
            h3 #largest { "Largest functions, of " (count(facts.functions.total)) }
            table.fixed aria-labelledby="largest" {
                thead { tr { th scope="col" { "Function" } th.num scope="col" { "Size" } th.num scope="col" { "Share" } th.wide { span.sr { "Share as a bar" } } } }
                tbody {
                    @for function in functions.iter().take(FUNCTIONS_MAX) {
                        @let label = match function.module {
                            Some(module) => format!("{}, core module {module}", function_label(function)),
                            None => function_label(function),
                        };
                        tr {
                            th.one-line scope="row" title=(label) { bdi { (label) } }
                            td.num { (bytes(function.size_bytes)) }
                            td.num { (percent(function.size_bytes, facts.size_bytes)) }
                            td.wide { (bar(function.size_bytes, facts.size_bytes)) }
                        }
                    }
                }
            }
        }
    }
}
