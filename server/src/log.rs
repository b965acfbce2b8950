//! How a line of the log in text is written: whatever a field holds, it is one line, and nothing in it moves a terminal.

use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FormatFields, format::Writer},
};

/// The format of the fields of events and spans. It is the one place where all text passes that the platform, Graph or
/// a browser has sent (R112); JSON escapes by itself.
#[derive(Clone, Copy, Debug)]
pub struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = Line {
            writer,
            separator: "",
            result: Ok(()),
        };
        fields.record(&mut line);
        line.result
    }
}

struct Line<'writer> {
    writer: Writer<'writer>,
    separator: &'static str,
    result: fmt::Result,
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let separator = std::mem::replace(&mut self.separator, " ");
        let mut escaped = Escaped(&mut self.writer);
        let written = match field.name() {
            "message" => write!(escaped, "{separator}{value:?}"),
            name => write!(escaped, "{separator}{name}={value:?}"),
        };
        self.result = self.result.and(written);
    }
}

/// The text without what could break a line or move a terminal.
pub fn escaped(text: &str) -> String {
    let mut line = Escaped(String::new());
    // A string takes everything.
    _ = line.write_str(text);
    line.0
}

struct Escaped<W>(W);

impl<W: Write> Write for Escaped<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if c.is_control() || is_invisible(c) {
                write!(self.0, "{}", c.escape_default())?;
            } else {
                self.0.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Separators of lines and paragraphs, and what turns the direction of writing.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
