//! What an ARN looks like, and which texts a pattern and such a shape have in common.
//!
//! A `*` of a pattern takes everything here, colons too: where AWS's pages disagree, the wider reading is the one
//! that calls no statement dead that is not. But a pattern with all fields of an ARN means them: that a `*` for the
//! account of `...:*:user/x` could stand for `111122223333:role/a`, which makes it a role of the odd name `a:user/x`,
//! is left aside.

use crate::iam::pattern::{Part, Pattern};

/// A shape, piece by piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape(Vec<Piece>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// This character.
    Char(char),
    /// The end of one of the first five fields.
    Colon,
    /// Anything within one of the first five fields: the number of the field.
    Field(u8),
    /// The name of a bucket.
    Name,
    /// Anything.
    Rest,
}

impl Piece {
    fn takes(self, c: char) -> bool {
        match self {
            Self::Char(own) => own == c,
            Self::Colon => c == ':',
            Self::Field(_) => c != ':',
            Self::Name => c != ':' && c != '/',
            Self::Rest => true,
        }
    }
}

/// A pattern, character by character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Char(char),
    /// The end of a field: no part of a name.
    Colon,
    One,
    Any,
}

/// The signs of a resource's pattern, see [`plain_signs`].
pub(super) fn signs(pattern: &Pattern, value: &dyn Fn(&str) -> Option<String>) -> Vec<Sign> {
    let mut signs = plain_signs(&pattern.parts, value);
    if has_fields(&pattern.text) {
        let colons = signs.iter_mut().filter(|sign| **sign == Sign::Char(':'));
        colons.take(5).for_each(|sign| *sign = Sign::Colon);
    }
    signs
}

/// Whether a pattern has the fields of an ARN: an account stands where one belongs, and nobody wrote fewer fields
/// and left it to a `*` to be several.
fn has_fields(text: &str) -> bool {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let account = |field: &str| field == "aws" || field.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '?'));
    fields.len() == 6 && fields[0] == "arn" && account(fields[4])
}

/// The signs of parts; `value` is what a variable stands for, and anything where it says nothing.
fn plain_signs(parts: &[Part], value: &dyn Fn(&str) -> Option<String>) -> Vec<Sign> {
    let mut signs = Vec::new();
    for part in parts {
        match part {
            Part::Literal(text) => signs.extend(text.chars().map(Sign::Char)),
            Part::Any => signs.push(Sign::Any),
            Part::One => signs.push(Sign::One),
            Part::Variable { key, .. } => match value(key) {
                Some(text) => signs.extend(text.chars().map(Sign::Char)),
                None => signs.push(Sign::Any),
            },
        }
    }
    signs
}

/// How far a search is: pieces done, signs done, and whether the piece at hand has a character already.
type Search = (usize, usize, bool);

impl Shape {
    pub(super) fn new(text: &str) -> Self {
        let mut colons = 0;
        let pieces = text.chars().map(|c| {
            colons += u8::from(c == ':');
            match c {
                '*' if colons < 5 => Piece::Field(colons),
                '*' => Piece::Rest,
                '%' => Piece::Name,
                ':' if colons <= 5 => Piece::Colon,
                c => Piece::Char(c),
            }
        });
        Self(pieces.collect())
    }

    /// Whether some text has this shape and is matched by the pattern; a piece may be empty then.
    pub(super) fn meets(&self, signs: &[Sign]) -> bool {
        let (pieces, width) = (&self.0, signs.len() + 1);
        let mut known = vec![false; (pieces.len() + 1) * width];
        let mut open = vec![(0, 0)];
        while let Some((piece, sign)) = open.pop() {
            if std::mem::replace(&mut known[piece * width + sign], true) {
                continue;
            }
            let (own, pattern) = (pieces.get(piece).copied(), signs.get(sign).copied());
            if own.is_none() && pattern.is_none() {
                return true;
            }
            if pattern == Some(Sign::Any) {
                open.push((piece, sign + 1));
            }
            let Some(own) = own else { continue };
            let fixed = matches!(own, Piece::Char(_) | Piece::Colon);
            let taken = match pattern {
                Some(Sign::Any) => fixed,
                Some(Sign::One) => true,
                Some(Sign::Char(c)) => own.takes(c),
                Some(Sign::Colon) => own == Piece::Colon,
                None => false,
            };
            if !fixed {
                open.push((piece + 1, sign));
            }
            match (taken, fixed) {
                (false, _) => {}
                (true, true) => open.push((piece + 1, sign + usize::from(pattern != Some(Sign::Any)))),
                (true, false) => open.push((piece, sign + 1)),
            }
        }
        false
    }

    /// A text of this shape that the pattern matches, with a likely value, or else `name`, where both leave it open.
    /// Depth first, the likelier steps before the others, each state once. Each piece has at least one character.
    pub(super) fn example(&self, signs: &[Sign], name: &str) -> Option<String> {
        let width = signs.len() + 1;
        let place = |state: Search| ((state.0 * width + state.1) << 1) | usize::from(state.2);
        let mut known: Vec<Option<(Search, Said)>> = vec![None; ((self.0.len() + 1) * width) << 1];
        let start = (0, 0, false);
        let mut open = vec![(start, (start, Said::Nothing))];
        while let Some((state, came)) = open.pop() {
            let known_here = &mut known[place(state)];
            if known_here.is_some() {
                continue;
            }
            *known_here = Some(came);
            if (state.0, state.1) == (self.0.len(), signs.len()) {
                let before = |state: Search| known[place(state)].filter(|(before, _)| *before != state);
                return Some(spelt(before, state, name));
            }
            let from = open.len();
            self.steps(signs, state, &mut |next, said| open.push((next, (state, said))));
            open[from..].reverse();
        }
        None
    }

    fn steps(&self, signs: &[Sign], state: Search, step: &mut dyn FnMut(Search, Said)) {
        let (piece, sign, begun) = state;
        let (own, pattern) = (self.0.get(piece).copied(), signs.get(sign).copied());
        let (done, both) = ((piece + 1, sign, false), (piece + 1, sign + 1, false));
        match (own, pattern) {
            (None, _) => {}
            (Some(fixed @ (Piece::Char(_) | Piece::Colon)), pattern) => {
                let c = if let Piece::Char(c) = fixed { c } else { ':' };
                match pattern {
                    Some(Sign::Any) => step(done, Said::Char(c)),
                    Some(Sign::One) => step(both, Said::Char(c)),
                    Some(Sign::Char(d)) if c == d => step(both, Said::Char(c)),
                    Some(Sign::Colon) if fixed == Piece::Colon => step(both, Said::Char(c)),
                    _ => {}
                }
            }
            (Some(open), pattern) => {
                match pattern {
                    Some(Sign::Any) => {
                        step(done, Said::Likely(open, begun));
                        step((piece, sign + 1, true), Said::Likely(open, begun));
                    }
                    Some(Sign::One) => step((piece, sign + 1, true), Said::Char('1')),
                    Some(Sign::Char(c)) if open.takes(c) => step((piece, sign + 1, true), Said::Char(c)),
                    _ => {}
                }
                if begun {
                    step(done, Said::Nothing);
                }
            }
        }
        if pattern == Some(Sign::Any) {
            step((piece, sign + 1, begun), Said::Nothing);
        }
    }
}

/// What one step adds to an example.
#[derive(Clone, Copy, Debug)]
enum Said {
    Nothing,
    Char(char),
    /// What mostly stands in this piece, which has begun or not.
    Likely(Piece, bool),
}

/// What mostly stands in a piece. The account is one that AWS's documents use.
fn likely(piece: Piece, begun: bool, name: &str) -> &str {
    match piece {
        Piece::Field(1) if begun => "",
        Piece::Field(1) => "aws",
        Piece::Field(3) if begun => "west-1",
        Piece::Field(3) => "us-east-1",
        Piece::Field(4) => "111122223333",
        _ => name,
    }
}

fn spelt(before: impl Fn(Search) -> Option<(Search, Said)>, end: Search, name: &str) -> String {
    let steps = std::iter::successors(before(end), |(state, _)| before(*state));
    let said: Vec<Said> = steps.map(|(_, said)| said).collect();
    let mut text = String::new();
    for said in said.into_iter().rev() {
        match said {
            Said::Nothing => {}
            Said::Char(c) => text.push(c),
            Said::Likely(piece, begun) => text.push_str(likely(piece, begun, name)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Shape, Sign, signs};
    use crate::iam::pattern::{Pattern, Syntax};

    fn pattern(text: &str) -> Vec<Sign> {
        signs(&Pattern::new(text, Syntax { wildcards: true, variables: true }), &|_| None)
    }

    #[test]
    fn a_shape_and_a_pattern_have_texts_in_common_or_none() {
        for (shape, text, meets) in [
            ("arn:*:s3:::%", "*", true),
            ("arn:*:s3:::%", "arn:aws:*", true),
            ("arn:*:s3:::%", "arn:aws:s3:::b", true),
            ("arn:*:s3:::%", "arn:aws:s3:::b*", true),
            ("arn:*:s3:::%", "arn:aws:s3:::b/*", false),
            ("arn:*:s3:::%/*", "arn:aws:s3:::b", false),
            ("arn:*:s3:::%/*", "arn:aws:s3:::b:*", false),
            ("arn:*:s3:::%/*", "arn:aws:s3:::${aws:username}", true),
            ("arn:*:s3:::%/*", "arn:aws:s3:::b/${aws:username}/?", true),
            ("arn:*:ec2:*:*:instance/*", "arn:aws:ec2:eu-west-1:*:volume/*", false),
            ("arn:*:ec2:*:*:instance/*", "arn:aws:ec2:*:instance/i-1", true),
            ("arn:*:ec2:*:*:instance/*", "arn:aws:ec2:::instance/i-1", true),
            ("arn:*:iam::*:role/*", "arn:aws:iam::111122223333:role/a/b", true),
            ("arn:*:iam::*:role/*", "arn:aws:iam::111122223333:r?le/a", true),
            ("arn:*:iam::*:role/*", "arn:aws:iam::*:user/*", false),
            ("arn:*:rds:*:*:db:*", "arn:aws:rds:*:db:a", true),
            ("arn:*:rds:*:*:db:*", "arn:aws:rds:*:*:cluster:a", false),
            ("arn:*:sns:*:*:*", "arn:aws:sns:*:topic:*", true),
            ("arn:*:logs:*:*:log-group:*", "arn:aws:logs:*:*:log-group:/a:*", true),
            ("arn:*:logs:*:*:log-group:*", "arn:aws:logs:*:*:*", true),
        ] {
            assert_eq!(Shape::new(shape).meets(&pattern(text)), meets, "{shape} {text}");
        }
    }

    #[test]
    fn an_example_is_what_both_say() {
        for (shape, text, example) in [
            ("arn:*:s3:::%", "*", Some("arn:aws:s3:::some")),
            ("arn:*:s3:::%/*", "arn:aws:s3:::b*", Some("arn:aws:s3:::bsome/some")),
            ("arn:*:s3:::%/*", "arn:aws:s3:::b/*.t?t", Some("arn:aws:s3:::b/some.t1t")),
            ("arn:*:ec2:*:*:instance/*", "arn:aws:ec2:eu-*", Some("arn:aws:ec2:eu-west-1:111122223333:instance/some")),
            ("arn:*:ec2:*:*:instance/*", "arn:aws:ec2:::instance/i-1", None),
            ("arn:*:s3:::%", "arn:aws:s3:::b/*", None),
        ] {
            assert_eq!(Shape::new(shape).example(&pattern(text), "some").as_deref(), example, "{shape} {text}");
        }
    }
}
