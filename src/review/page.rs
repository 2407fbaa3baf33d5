//! The frame of pages that stand alone: one HTML file that loads nothing, in light and dark, on paper and on a narrow screen.
//!
//! Its policy lets in this style and this script, by their digests, and nothing else: no text from a file or an engine could
//! act on such a page even if it were not escaped. Source: W3C, "Content Security Policy Level 3", `script-src`, hashes.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::escape::html;

/// What all pages look like.
const STYLE: &str = include_str!("page/style.css");

/// What finds on a page, and opens and closes what is folded. The page is whole without it.
const SCRIPT: &str = include_str!("page/search.js");

/// What the script works on: its tools are shown only where it runs.
const TOOLS: &str = "<div id=\"tools\" hidden>\n\
    <label for=\"search\">Search</label> <input id=\"search\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" \
    placeholder=\"press / and type\">\n\
    <span id=\"found\" role=\"status\"></span>\n\
    <button type=\"button\" id=\"unfold\">Open all</button> <button type=\"button\" id=\"fold\">Close all</button>\n\
    </div>\n";

/// A part of a page, with how it is called and how much there is of it.
#[derive(Debug)]
pub(crate) struct Section {
    /// Its name in addresses.
    pub(crate) id: &'static str,
    /// What stands over it.
    pub(crate) title: &'static str,
    /// How much there is; `None` where that says nothing.
    pub(crate) count: Option<usize>,
    /// What is in it, as HTML.
    pub(crate) body: String,
}

/// A part with all of these, if there are any.
pub(crate) fn listed<T>(
    id: &'static str,
    title: &'static str,
    all: &[T],
    one: impl Fn(&T) -> String,
) -> Option<Section> {
    let body = all.iter().map(one).collect();
    (!all.is_empty()).then_some(Section { id, title, count: Some(all.len()), body })
}

/// A page of `title`, in which these sections can be searched. `head` stands below the title, as HTML.
pub(crate) fn searchable(title: &str, head: &str, sections: &[Section]) -> String {
    let mut body = format!("<header>\n<h1>{}</h1>\n{head}", html(title));
    if sections.len() > 1 {
        body.push_str("<nav aria-label=\"Parts\">\n");
        for Section { id, title, count, .. } in sections {
            let count = count.map(|count| format!(" <span class=\"count\">{count}</span>")).unwrap_or_default();
            body.push_str(&format!("<a href=\"#{id}\">{title}{count}</a>\n"));
        }
        body.push_str("</nav>\n");
    }
    body.push_str("</header>\n");
    body.push_str(TOOLS);
    body.push_str("<main>\n");
    for Section { id, title, body: inner, .. } in sections {
        body.push_str(&format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{inner}</section>\n"));
    }
    body.push_str("</main>\n");
    document(title, &body, Some(SCRIPT))
}

/// A page that is only read. The title is over it.
pub(crate) fn plain(title: &str, body: &str) -> String {
    document(title, &format!("<h1>{}</h1>\n{body}", html(title)), None)
}

fn document(title: &str, body: &str, script: Option<&str>) -> String {
    let script_source = script.map(|script| format!("; script-src {}", source(script))).unwrap_or_default();
    let script = script.map(|script| format!("<script>{script}</script>\n")).unwrap_or_default();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {}{script_source}; base-uri \
         'none'; form-action 'none'\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}{script}</body>\n</html>\n",
        source(STYLE),
        html(title)
    )
}

/// How a policy names a text that stands in the page.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::{SCRIPT, STYLE, Section, searchable};

    #[test]
    fn what_a_policy_names_is_printed_as_it_is() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && text.is_ascii(), "it would end, or be read as another text");
            // Such a line is printed as another one, since it would be a command to a CI.
            assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{text}");
        }
        let section = |id| Section { id, title: "x", count: Some(1), body: String::new() };
        let page = searchable("<evil>", "", &[section("a"), section("b")]);
        assert!(page.contains("<title>&lt;evil&gt;</title>") && !page.contains("<evil>"), "{page}");
    }
}
