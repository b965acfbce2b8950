//! The directory as a table: every page of it, one at a time, as CSV (RFC 4180) that a spreadsheet opens without
//! running anything in it.

use std::{sync::Arc, time::Duration};

use app::model::Person;
use url::Url;

use super::{
    Client, GraphError,
    directory::{self, GraphUser},
    paging::{Page, Walk},
    permission,
};
use crate::{clock::Clock, session::Session, tokens::Refusal, upstream::UpstreamError};

/// The most people of one table.
pub const MOST_ROWS: usize = 50_000;
/// The most that Graph sends at once: <https://learn.microsoft.com/graph/api/user-list>.
const PAGE: usize = 999;
/// A download waits longer than a page does: this often, and for at most so many seconds. A longer silence may be
/// taken for the end by what stands in front of this server.
const WAITS: u32 = 5;
const LONGEST_WAIT: u32 = 30;

const HEADINGS: [&str; 6] = ["Name", "Job title", "Mail", "Phone", "Office", "Id"];

/// The address of an export's first page.
pub fn first_page(graph: &Client, search: &str) -> Result<Url, GraphError> {
    directory::listing(graph, search, PAGE)
}

/// A table under way.
pub struct Export {
    walk: Walk,
    fetched: Option<Page<GraphUser>>,
    /// How many people may still be written.
    room: usize,
    waits: u32,
    /// How many people there are, if Graph said so; not all of them may fit.
    pub total: Option<u64>,
}

impl Export {
    /// Fetches the first page: what is refused is refused before a download begins.
    pub async fn start(
        graph: &Client,
        clock: &Clock,
        session: &Arc<Session>,
        first: Url,
        most: usize,
    ) -> Result<Self, GraphError> {
        let mut export = Self {
            walk: Walk::new(first),
            fetched: None,
            room: most,
            waits: WAITS,
            total: None,
        };
        export.fetched = export.page(graph, clock, session).await?;
        export.total = export.fetched.as_ref().and_then(|page| page.count);
        Ok(export)
    }

    /// The next rows; `None` at the end.
    pub async fn next(
        &mut self,
        graph: &Client,
        clock: &Clock,
        session: &Arc<Session>,
    ) -> Result<Option<Vec<u8>>, GraphError> {
        let page = match self.fetched.take() {
            None if self.room > 0 => self.page(graph, clock, session).await?,
            fetched => fetched,
        };
        let Some(page) = page else {
            return Ok(None);
        };
        let found = page.value.len();
        let people = page.value.into_iter().take(self.room).map(Person::from);
        let mut rows: Vec<_> = people.map(row).collect();
        let left_out = found > self.room || (found == self.room && page.next_link.is_some());
        self.room -= rows.len();
        if left_out {
            rows.push(remark(
                "The list ends here, there are more people. Search for fewer.",
            ));
        }
        Ok(Some(csv(&rows)?))
    }

    async fn page(
        &mut self,
        graph: &Client,
        clock: &Clock,
        session: &Arc<Session>,
    ) -> Result<Option<Page<GraphUser>>, GraphError> {
        loop {
            let page = self.walk.next(graph, session, permission::PEOPLE).await;
            let wait = page.as_ref().err().and_then(GraphError::retry_after);
            match wait.filter(|&seconds| self.waits > 0 && seconds <= LONGEST_WAIT) {
                Some(seconds) => {
                    self.waits -= 1;
                    clock.sleep(Duration::from_secs(seconds.into())).await;
                }
                None => return page,
            }
        }
    }
}

type Row = [String; HEADINGS.len()];

/// What a table begins with: the mark without which Excel takes it for another encoding, and the headings.
pub fn head() -> Result<Vec<u8>, GraphError> {
    let headings = csv(&[HEADINGS.map(str::to_owned)])?;
    Ok(["\u{feff}".as_bytes(), &headings].concat())
}

/// What a table ends with that can't be finished, for whoever opens what has come of it.
pub fn torn_off(why: &GraphError) -> Result<Vec<u8>, GraphError> {
    csv(&[remark(match why {
        GraphError::Token(Refusal::SignedOut) => {
            "The list is incomplete: you signed out meanwhile. Sign in and try again."
        }
        _ => "The list is incomplete: Microsoft Graph did not send the rest. Try again.",
    })])
}

fn remark(text: &str) -> Row {
    let mut row = Row::default();
    text.clone_into(&mut row[0]);
    row
}

fn row(person: Person) -> Row {
    let Person {
        id,
        name,
        job_title,
        mail,
        phone,
        office,
    } = person;
    let [job_title, mail, phone, office] =
        [job_title, mail, phone, office].map(Option::unwrap_or_default);
    [name, job_title, mail, phone, office, id].map(|text| inert(&text))
}

/// A spreadsheet takes a cell that begins like this for a formula, quoted or not, full-width forms included.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
fn inert(text: &str) -> String {
    let formula = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    // What is not printed may be passed over.
    let begins = text.trim_start_matches(|c: char| c.is_control() || c.is_whitespace());
    let quote = if text.starts_with(formula) || begins.starts_with(formula) {
        "'"
    } else {
        ""
    };
    format!("{quote}{text}")
}

fn csv(rows: &[Row]) -> Result<Vec<u8>, GraphError> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        // Where lists are parted by semicolons, one in a bare cell would begin another.
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(Vec::new());
    for row in rows {
        writer
            .write_record(row)
            .map_err(|_| UpstreamError::Nonsense)?;
    }
    let bytes = writer.into_inner().map_err(|_| UpstreamError::Nonsense)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_breaks_its_row() {
        for (text, cell) in [
            ("Ada", "Ada"),
            ("=1+1", "'=1+1"),
            ("+31 20 1234567", "'+31 20 1234567"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "'\n=1"),
            ("\u{b}=1", "'\u{b}=1"),
            (" \0=1", "' \0=1"),
            ("＝1", "'＝1"),
            ("a,b", "a,b"),
            ("a;=1+1;b", "a;=1+1;b"),
            ("=\"x\",1", "'=\"\"x\"\",1"),
            ("two\r\nlines", "two\r\nlines"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            let row = row(Person {
                id: "7".into(),
                name: text.into(),
                job_title: None,
                mail: Some(text.into()),
                phone: None,
                office: None,
            });
            let line = String::from_utf8(csv(&[row]).unwrap()).unwrap();
            let expected = format!("\"{cell}\",\"\",\"{cell}\",\"\",\"\",\"7\"\r\n");
            assert_eq!(line, expected, "{text:?}");
        }
        assert!(
            head()
                .unwrap()
                .starts_with(b"\xef\xbb\xbf\"Name\",\"Job title\",")
        );
    }
}
