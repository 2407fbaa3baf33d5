//! Against what `terraform fmt`'s own library, hclwrite 2.25, makes of the same texts, with its runs of empty lines made one.

use super::{comments, is_same, laid_out};

#[test]
fn files_are_laid_out_as_terraform_fmt_does() {
    let cases = include_str!("../../../tests/data/hcl_layout.txt").split("====\n");
    let mut count = 0;
    for case in cases {
        let (text, expected) = case.split_once("----\n").expect("two texts");
        assert_eq!(laid_out(text), expected, "of:\n{text}");
        assert_eq!(laid_out(expected), expected, "once more");
        assert!(is_same(text, expected), "{text}");
        count += 1;
    }
    assert!(count > 25, "{count}");
}

#[test]
fn ends_of_lines_stay_and_empty_lines_are_few() {
    assert_eq!(laid_out("\n\na=1\r\nbb=2   \r\n\r\n\r\n\r\nc=3\n\n\n"), "a  = 1\r\nbb = 2\r\n\r\nc = 3\n");
    assert_eq!(laid_out("a = 1"), "a = 1\n");
    assert_eq!(laid_out("\n \n"), "");
    // What is in a text of lines is left alone.
    let text = "a = <<E\n  x  \n\n\n\ty\nE\n";
    assert_eq!(laid_out(text), text);
}

#[test]
fn a_change_of_what_is_said_is_seen() {
    let text = "a = \"x\" # c\n";
    for (other, is) in [
        ("a=\"x\"# c\n\n", true),
        ("\n\na  =  \"x\"    # c", true),
        ("a = \"x \" # c\n", false),
        ("a = \"x\" # C\n", false),
        ("a = \"x\"\n# c\n", false),
        ("a = \"x\"\n", false),
    ] {
        assert_eq!(is_same(text, other), is, "{other:?}");
    }
}

#[test]
fn comments_are_found_with_their_places() {
    let text = "# a\nb = 1 // c\n/* d\n e */\nf = \"# no\" /* g */\n";
    let found: Vec<(usize, String, bool)> =
        comments(text).into_iter().map(|comment| (comment.at, comment.text, comment.is_alone)).collect();
    let expected = [(0, " a", true), (10, " c", false), (15, " d\n e ", true), (37, " g ", false)];
    assert_eq!(found, expected.map(|(at, text, is_alone)| (at, text.to_owned(), is_alone)));
}
