//! Just enough XML to write answers.

/// XML being written.
#[derive(Debug, Default)]
pub(super) struct Xml(String);

impl Xml {
    /// An element with text.
    pub(super) fn text(&mut self, tag: &str, text: &str) -> &mut Self {
        self.open(tag);
        self.escaped(text);
        self.close(tag)
    }

    /// An element with text, if there is any.
    pub(super) fn maybe(&mut self, tag: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.text(tag, text);
        }
        self
    }

    /// An element around what `inner` writes.
    pub(super) fn element(&mut self, tag: &str, inner: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(tag);
        inner(self);
        self.close(tag)
    }

    /// A list: `tag` around one `member` for each item.
    pub(super) fn list<T>(
        &mut self,
        tag: &str,
        items: impl IntoIterator<Item = T>,
        mut member: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.element(tag, |xml| {
            for item in items {
                xml.element("member", |xml| member(xml, item));
            }
        })
    }

    /// Text without an element of its own.
    pub(super) fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                '\r' => self.0.push_str("&#13;"),
                c => self.0.push(c),
            }
        }
    }

    /// XML that was written before.
    pub(super) fn raw(&mut self, xml: &str) -> &mut Self {
        self.0.push_str(xml);
        self
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn open(&mut self, tag: &str) {
        self.0.push('<');
        self.0.push_str(tag);
        self.0.push('>');
    }

    fn close(&mut self, tag: &str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
        self
    }
}

/// ISO 8601 of milliseconds since the epoch, to the second, as AWS writes dates.
pub(super) fn date(unix_millis: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(unix_millis.div_euclid(1000))
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    // The format is fixed and the time is in range, so formatting does not fail.
    time.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
