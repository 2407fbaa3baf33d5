//! The hash chain: each line carries its number, the hash of the line before, and its own hash.
//!
//! A line ends in `,"chain":{"seq":N,"prev":"<64 hex>","hash":"<64 hex>"}}`. The hash is the SHA-256 of
//! the line's bytes up to, not including, `,"hash":`. So an edit breaks the line, and a line taken out or
//! moved breaks its neighbours, and both are seen with nothing but `sha256sum`. Lines missing at the end
//! can only be seen by someone who noted an earlier head: [`verify`] takes it.

use std::io::{self, BufRead, Read};

use aws_lc_rs::digest;

use super::hash::write_hex;

/// The longest line that is read or written, in bytes. A longer one is reported, never loaded.
pub const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How many faults a report lists; the rest is counted.
pub const FAULTS_LISTED_MAX: usize = 100;

/// A place in the chain: the number and the hash of a line.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Head {
    /// The line's number in the chain, from 1; 0 before the first.
    pub seq: u64,
    /// The line's hash, 64 lower-case hex digits; zeros before the first.
    pub hash: String,
}

impl Head {
    /// The head of an empty trail.
    pub fn genesis() -> Self {
        Self { seq: 0, hash: "0".repeat(HEX_LEN) }
    }
}

/// What a line says about its place, its own hash already checked.
#[derive(Debug)]
pub(super) struct Link {
    /// The hash of the line before.
    pub(super) prev: String,
    /// This line.
    pub(super) head: Head,
}

/// Appends a whole line to `out`: the body (an object without its closing brace), the chain, a newline.
pub(super) fn seal(body: &[u8], head: &mut Head, out: &mut Vec<u8>) {
    let start = out.len();
    head.seq += 1;
    out.extend_from_slice(body);
    out.extend_from_slice(b",\"chain\":{\"seq\":");
    out.extend_from_slice(head.seq.to_string().as_bytes());
    out.extend_from_slice(b",\"prev\":\"");
    out.extend_from_slice(head.hash.as_bytes());
    out.push(b'"');
    let digest = digest::digest(&digest::SHA256, &out[start..]);
    out.extend_from_slice(HASH_KEY);
    let hash_at = out.len();
    write_hex(digest.as_ref(), out);
    // Hexadecimal is ASCII, so nothing is lost.
    head.hash = String::from_utf8_lossy(&out[hash_at..]).into_owned();
    out.extend_from_slice(b"\"}}\n");
}

/// Why a line's chain does not hold.
#[derive(Debug)]
pub(super) enum Broken {
    /// It carries none.
    Unchained,
    /// Its hash does not fit its text; this is what it claims.
    Changed(Link),
}

impl Broken {
    /// What to tell about it.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Unchained => "the line carries no chain",
            Self::Changed(_) => "the line was changed: its hash does not fit its text",
        }
    }
}

/// Reads and checks the chain of one line, given without its newline.
pub(super) fn read(line: &[u8]) -> Result<Link, Broken> {
    const UNCHAINED: Broken = Broken::Unchained;
    let covered_len = line.len().checked_sub(HASH_KEY.len() + HEX_LEN + 3).ok_or(UNCHAINED)?;
    let (covered, tail) = line.split_at(covered_len);
    let hash = tail.strip_prefix(HASH_KEY).and_then(|tail| tail.strip_suffix(b"\"}}")).ok_or(UNCHAINED)?;
    let hash = std::str::from_utf8(hash).map_err(|_| UNCHAINED)?;
    // `..."chain":{"seq":N,"prev":"<64 hex>"`: read from the end, so that no other part can imitate it.
    let (rest, prev) = covered.split_at(covered.len().checked_sub(HEX_LEN + 1).ok_or(UNCHAINED)?);
    let prev = prev.strip_suffix(b"\"").and_then(|prev| std::str::from_utf8(prev).ok()).ok_or(UNCHAINED)?;
    let rest = rest.strip_suffix(b",\"prev\":\"").ok_or(UNCHAINED)?;
    let digits = rest.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (rest, seq) = rest.split_at(rest.len() - digits);
    let seq = std::str::from_utf8(seq).ok().and_then(|seq| seq.parse().ok()).ok_or(UNCHAINED)?;
    if !rest.ends_with(b",\"chain\":{\"seq\":") {
        return Err(UNCHAINED);
    }
    let mut computed = Vec::with_capacity(HEX_LEN);
    write_hex(digest::digest(&digest::SHA256, covered).as_ref(), &mut computed);
    let link = Link { prev: prev.to_owned(), head: Head { seq, hash: hash.to_owned() } };
    if computed == hash.as_bytes() { Ok(link) } else { Err(Broken::Changed(link)) }
}

/// The number that a line says it has, whatever its hash is.
pub(super) fn number(line: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b",\"chain\":{\"seq\":";
    // What stands behind the number, and the number itself.
    let tail_len = HEX_LEN * 2 + HASH_KEY.len() + 40;
    let tail = line.get(line.len().saturating_sub(tail_len + KEY.len())..)?;
    let at = tail.windows(KEY.len()).rposition(|part| part == KEY)?;
    let digits = tail.get(at + KEY.len()..)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

/// Whether a line was written as one of a chain, be it changed since.
pub(super) fn is_chained(line: &[u8]) -> bool {
    !matches!(read(line), Err(Broken::Unchained))
}

/// What [`verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many lines were read.
    pub lines: u64,
    /// The number of the first line. More than 1 when the trail goes on from a rotated file.
    pub first_seq: Option<u64>,
    /// What the first line names as the hash before it; compare it with the head of the rotated file.
    pub first_prev: Option<String>,
    /// The last line. Note it down: it is what proves later that nothing was cut off.
    pub head: Option<Head>,
    /// What is wrong, in order; at most [`FAULTS_LISTED_MAX`].
    pub faults: Vec<Fault>,
    /// How many faults there are.
    pub fault_count: u64,
}

/// A line that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// Checks a trail from its first line to its last, in memory of one line.
///
/// `noted` is a head that was written down earlier: the trail must still contain that very line.
///
/// # Errors
/// Only those of reading.
pub fn verify(mut reader: impl BufRead, noted: Option<&Head>) -> io::Result<Report> {
    let mut checking = Checking::new(noted.cloned());
    let mut line = Vec::new();
    while let Some(end) = read_line(&mut reader, &mut line)? {
        checking.take(&line, end);
    }
    Ok(checking.report())
}

/// A check of a trail whose lines come one after the other.
#[derive(Debug, Default)]
pub struct Checking {
    report: Report,
    noted: Option<Head>,
    noted_seen: bool,
}

impl Checking {
    /// `noted` as [`verify`] takes it.
    pub fn new(noted: Option<Head>) -> Self {
        Self { noted_seen: noted.is_none(), noted, report: Report::default() }
    }

    /// Takes the next line, without its end.
    pub fn line(&mut self, line: &[u8]) {
        self.take(line, LineEnd::Newline);
    }

    fn take(&mut self, line: &[u8], end: LineEnd) {
        let report = &mut self.report;
        report.lines += 1;
        let fault = match (end, read(line)) {
            (LineEnd::TooLong, _) => Some(format!("the line is longer than {LINE_BYTES_MAX} bytes")),
            (LineEnd::Torn, _) => {
                Some("the last line has no end: it was being written when the engine died".to_owned())
            }
            (LineEnd::Newline, Err(broken)) => {
                let what = broken.what().to_owned();
                // What it claims is gone on from, so that one edit is one fault.
                if let Broken::Changed(link) = broken {
                    report.head = Some(link.head);
                }
                Some(what)
            }
            (LineEnd::Newline, Ok(link)) => {
                self.noted_seen |= self.noted.as_ref().is_some_and(|noted| *noted == link.head);
                let fault = report.follows(&link);
                report.head = Some(link.head);
                fault
            }
        };
        if let Some(what) = fault {
            report.fault(what);
        }
    }

    /// What was found.
    pub fn report(mut self) -> Report {
        if let (Some(noted), false) = (&self.noted, self.noted_seen) {
            let (seq, hash) = (noted.seq, &noted.hash);
            self.report.fault(format!("line {seq} with hash {hash} is missing: the trail was cut or replaced"));
        }
        self.report
    }
}

impl Report {
    fn follows(&mut self, link: &Link) -> Option<String> {
        let Some(before) = &self.head else {
            self.first_seq = Some(link.head.seq);
            self.first_prev = Some(link.prev.clone());
            let whole = link.head.seq != 1 || link.prev == Head::genesis().hash;
            return (!whole).then(|| "line 1 of the chain names a line before it".to_owned());
        };
        let expected = before.seq + 1;
        if link.head.seq != expected {
            return Some(format!("expected line {expected} of the chain and found line {}", link.head.seq));
        }
        (link.prev != before.hash)
            .then(|| "the line does not follow the one before it: that one was replaced".to_owned())
    }

    fn fault(&mut self, what: String) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_LISTED_MAX {
            self.faults.push(Fault { line: self.lines, what });
        }
    }
}

/// How a line that was read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// As it should.
    Newline,
    /// The file ended first.
    Torn,
    /// It is longer than [`LINE_BYTES_MAX`]; its bytes were skipped.
    TooLong,
}

/// Reads the next line without its newline into `line`; `None` at the end of the file.
pub(super) fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<LineEnd>> {
    line.clear();
    let limit = LINE_BYTES_MAX as u64;
    if reader.by_ref().take(limit).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(LineEnd::Newline));
    }
    if (line.len() as u64) < limit {
        return Ok(Some(LineEnd::Torn));
    }
    loop {
        line.clear();
        if reader.by_ref().take(limit).read_until(b'\n', line)? == 0 || line.last() == Some(&b'\n') {
            line.clear();
            return Ok(Some(LineEnd::TooLong));
        }
    }
}

const HASH_KEY: &[u8] = b",\"hash\":\"";
const HEX_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::{Head, Report, seal, verify};

    fn trail(count: usize) -> Vec<String> {
        let mut head = Head::genesis();
        (0..count)
            .map(|n| {
                let mut out = Vec::new();
                seal(format!("{{\"n\":{n}").as_bytes(), &mut head, &mut out);
                String::from_utf8(out).unwrap()
            })
            .collect()
    }

    fn check(lines: &[String], noted: Option<&Head>) -> Report {
        verify(lines.concat().as_bytes(), noted).unwrap()
    }

    /// The faulty lines.
    fn faults(lines: &[String]) -> Vec<u64> {
        check(lines, None).faults.iter().map(|fault| fault.line).collect()
    }

    #[test]
    fn an_untouched_trail_holds() {
        let report = check(&trail(5), None);
        assert_eq!((report.lines, report.fault_count, report.first_seq), (5, 0, Some(1)));
        assert_eq!(report.head.unwrap().seq, 5);
        assert_eq!(check(&[], None), Report::default());
    }

    #[test]
    fn every_edit_is_found() {
        let edited = |edit: fn(&mut Vec<String>)| {
            let mut lines = trail(5);
            edit(&mut lines);
            faults(&lines)
        };
        assert_eq!(edited(|lines| lines[2] = lines[2].replace("\"n\":2", "\"n\":9")), [3]);
        assert_eq!(edited(|lines| drop(lines.remove(2))), [3]);
        assert_eq!(edited(|lines| lines.swap(1, 2)), [2, 3, 4]);
        assert_eq!(edited(|lines| lines.insert(2, lines[1].clone())), [3]);
        assert_eq!(edited(|lines| lines[4] = lines[4].trim_end().to_owned()), [5]);
        assert_eq!(edited(|lines| lines[1] = "{\"n\":1}\n".to_owned()), [2, 3]);
        assert_eq!(edited(|lines| lines[1] = "\n".to_owned()), [2, 3]);
    }

    #[test]
    fn a_replaced_line_with_its_hash_made_anew_breaks_the_next() {
        let mut lines = trail(3);
        let mut head = Head { seq: 1, hash: super::read(lines[0].trim_end().as_bytes()).unwrap().head.hash };
        let mut forged = Vec::new();
        seal(b"{\"n\":7", &mut head, &mut forged);
        lines[1] = String::from_utf8(forged).unwrap();
        assert_eq!(faults(&lines), [3]);
    }

    #[test]
    fn a_cut_end_is_found_by_a_noted_head() {
        let lines = trail(5);
        let noted = check(&lines, None).head.unwrap();
        assert_eq!(check(&lines, Some(&noted)).fault_count, 0);
        assert_eq!(check(&lines[..4], None).fault_count, 0);
        assert_eq!(check(&lines[..4], Some(&noted)).fault_count, 1);
    }

    #[test]
    fn a_rotated_file_goes_on_from_the_one_before() {
        let report = check(&trail(5)[3..], None);
        assert_eq!((report.fault_count, report.first_seq), (0, Some(4)));
    }

    #[test]
    fn text_that_imitates_a_chain_does_not_deceive() {
        let mut head = Head::genesis();
        let mut out = Vec::new();
        seal(br#"{"path":"\",\"chain\":{\"seq\":9,\"prev\":\"","x":",\"hash\":"#.as_slice(), &mut head, &mut out);
        assert_eq!(verify(out.as_slice(), None).unwrap().fault_count, 0);
    }
}
