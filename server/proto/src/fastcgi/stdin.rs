//! The body of a request, out of the records that carry it.

use std::ops::Range;

use super::{FastcgiError, HEADER_LEN, Record, kind};

/// One step of reading a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// All input is used up; more is needed.
    More,
    /// These bytes of the input are payload; continue behind them.
    Data(Range<usize>),
    /// The body is over, and so many bytes of the input were used.
    End(usize),
}

/// Reads the records behind a head as they come. Those of other requests are passed over;
/// [`Stdin::others`] names the ones that were begun meanwhile.
#[derive(Clone, Debug)]
pub struct Stdin {
    id: u16,
    /// Header bytes collected, for headers split across reads.
    header: [u8; HEADER_LEN],
    have: usize,
    /// Bytes left of the content, whether they are of the body, and of what follows them.
    content: usize,
    ours: bool,
    padding: usize,
    over: bool,
    others: Vec<u16>,
}

/// Other requests that are remembered until the answer to ours is written.
const MOST_OTHERS: usize = 16;

impl Stdin {
    /// The body of the request `id`.
    pub fn new(id: u16) -> Stdin {
        let header = [0; HEADER_LEN];
        Stdin {
            id,
            header,
            have: 0,
            content: 0,
            ours: false,
            padding: 0,
            over: false,
            others: Vec::new(),
        }
    }

    /// Requests that the client began while this one runs; they get no answer but
    /// [`super::reply::CANNOT_MULTIPLEX`].
    pub fn others(&mut self) -> Vec<u16> {
        std::mem::take(&mut self.others)
    }

    /// Reads from `input[at..]`; call again with the end of the data it answered, or with new
    /// input (and `at` 0) after [`Step::More`].
    pub fn next(&mut self, input: &[u8], mut at: usize) -> Result<Step, FastcgiError> {
        loop {
            if self.over && self.content + self.padding == 0 {
                return Ok(Step::End(at));
            }
            let have = input.len().saturating_sub(at);
            if have == 0 {
                return Ok(Step::More);
            }
            if self.content > 0 {
                let take = have.min(self.content);
                self.content -= take;
                if self.ours {
                    return Ok(Step::Data(at..at + take));
                }
                at += take;
            } else if self.padding > 0 {
                let take = have.min(self.padding);
                self.padding -= take;
                at += take;
            } else {
                at += self.collect(&input[at..])?;
            }
        }
    }

    /// Takes bytes of a header: how many.
    fn collect(&mut self, input: &[u8]) -> Result<usize, FastcgiError> {
        let take = input.len().min(HEADER_LEN - self.have);
        self.header[self.have..self.have + take].copy_from_slice(&input[..take]);
        self.have += take;
        let read = &self.header[..self.have];
        if let Some(record) = Record::parse(read)? {
            self.have = 0;
            self.begin(record)?;
        }
        Ok(take)
    }

    fn begin(&mut self, record: Record) -> Result<(), FastcgiError> {
        (self.content, self.padding) = (record.length.into(), record.padding.into());
        self.ours = record.id == self.id && record.kind == kind::STDIN;
        match record.kind {
            kind::STDIN if self.ours && record.length == 0 => self.over = true,
            kind::ABORT_REQUEST if record.id == self.id => return Err(FastcgiError::Aborted),
            kind::BEGIN_REQUEST if record.id != self.id && self.others.len() < MOST_OTHERS => {
                self.others.push(record.id);
            }
            _ => {}
        }
        Ok(())
    }
}
