//! Finds the position of the next page of a list in the header `Link`. Lists whose pages may be empty need it, because an empty page has no
//! last item after which the next page starts.

use crate::wire::decode_query_value;

/// Returns the value of the parameter `after` in the link to the next page, unescaped.
pub(super) fn next_after(link: &str) -> Option<String> {
    let mut parameters = link.split(['?', '&', '>']);
    let after = parameters.find_map(|parameter| parameter.strip_prefix("after="))?;
    decode_query_value(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_is_decoded() {
        let link = "<?limit=2&after=d%20%26/%C3%A9&path=x>; rel=\"next\"";
        assert_eq!(next_after(link).as_deref(), Some("d &/é"));
        for link in ["", "<?limit=2>; rel=\"next\"", "<?after=%FF>; rel=\"next\""] {
            assert_eq!(next_after(link), None, "{link}");
        }
    }
}
