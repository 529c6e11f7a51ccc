//! A file of its own, which rotates itself.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use super::stream::Begun;
use super::{Message, Sink};
use crate::Moment;
use crate::rotate;

/// Mode of a file that is made.
const MODE: u32 = 0o640;

/// See the module.
pub(super) struct File {
    path: String,
    most: u64,
    backup: Option<String>,
    mode: Option<u32>,
    open: Option<(fs::File, u64)>,
    /// Mode and owner of the one before.
    before: Option<(u32, u32, u32)>,
    begun: Begun,
    /// What is written at a time.
    text: Vec<u8>,
    /// Device and inode of the file that has the beginning of a line.
    torn: Option<(u64, u64)>,
    news: Vec<String>,
    moved: u64,
}

impl File {
    pub(super) fn new(path: &str, most: u64, backup: Option<&str>, mode: Option<u32>) -> File {
        let (path, backup) = (path.to_owned(), backup.map(str::to_owned));
        let (open, before, begun, torn) = (None, None, Begun::default(), None);
        let (text, news, moved) = (Vec::new(), Vec::new(), 0);
        File { path, most, backup, mode, open, before, begun, text, torn, news, moved }
    }

    /// Writes as many as belong into the file that is open; how many that were.
    fn write(&mut self, messages: &[Message]) -> (usize, io::Result<()>) {
        let (file, size) = match self.opened() {
            Ok(opened) => opened,
            Err(e) => return (0, Err(e)),
        };
        let fit = fitting(messages, size, self.most);
        let (done, said) = self.begun.write_all(file.as_fd(), fit, &mut self.text);
        let size =
            size + fit.iter().take(done).map(|message| message.text.len() as u64).sum::<u64>();
        self.open = Some((file, size));
        if rotate::is_due(size, self.most) {
            self.move_away(fit.last().map_or(Moment(0), |message| message.at));
        }
        (done, said)
    }

    /// The file and its size; whoever takes it puts it back.
    fn opened(&mut self) -> io::Result<(fs::File, u64)> {
        if let Some(opened) = self.open.take() {
            return Ok(opened);
        }
        let opened = open(&self.path, self.mode, self.before)?;
        if self.torn.take() != place(&opened.0) {
            self.begun = Begun::default();
        }
        Ok(opened)
    }

    /// The next try opens it again: a full disk has room again when nobody holds what was removed.
    fn give_up(&mut self) {
        self.torn = self.open.take().and_then(|(file, _)| place(&file)).or(self.torn);
    }

    fn remember(&mut self) {
        let meta = self.open.as_ref().and_then(|(file, _)| file.metadata().ok());
        let like = meta.map(|meta| (meta.mode() & 0o7777, meta.uid(), meta.gid()));
        self.before = like.or(self.before);
    }

    /// A file that cannot be renamed is written on; the next line tries again.
    fn move_away(&mut self, at: Moment) {
        let taken = |name: &str| Path::new(name).exists();
        let name = rotate::name(&self.path, self.backup.as_deref(), at.seconds(), taken);
        // Without a name that is free it grows on for a moment: no file is lost for another one.
        let Some(name) = name else { return };
        if let Err(e) = fs::rename(&self.path, &name) {
            self.news.push(format!("unable to rotate log: rename(\"{name}\"): {e}"));
            return;
        }
        match self.lead() {
            true => self.moved += 1,
            // Everything stays as it was.
            false => _ = fs::rename(&name, &self.path),
        }
    }

    /// To the file that has the name now; the one before stays in use where there is no other.
    fn lead(&mut self) -> bool {
        self.remember();
        let opened = open(&self.path, self.mode, self.before);
        match opened {
            Ok(open) => {
                self.open = Some(open);
                self.begun = Begun::default();
                true
            }
            Err(e) => {
                self.news.push(format!("open(\"{}\"): {e}", self.path));
                false
            }
        }
    }
}

/// Those from the front on until the file is too large, the one with which it becomes that among them.
fn fitting(messages: &[Message], mut size: u64, most: u64) -> &[Message] {
    let first = messages.iter().position(|message| {
        size += message.text.len() as u64;
        rotate::is_due(size, most)
    });
    first.and_then(|first| messages.get(..=first)).unwrap_or(messages)
}

fn place(file: &fs::File) -> Option<(u64, u64)> {
    file.metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}

/// A file that is made for this is like the one before it.
fn open(
    path: &str,
    mode: Option<u32>,
    before: Option<(u32, u32, u32)>,
) -> io::Result<(fs::File, u64)> {
    let open = |new: bool| OpenOptions::new().append(true).create_new(new).mode(MODE).open(path);
    let file = match open(true) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => open(false)?,
        file => {
            let file = file?;
            if let Some((mode, uid, gid)) = before {
                // Who may not give files away keeps it.
                let _ = file.set_permissions(fs::Permissions::from_mode(mode));
                let _ = fchown(&file, Some(uid), Some(gid));
            }
            file
        }
    };
    if let Some(mode) = mode {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    let size = file.metadata()?.size();
    Ok((file, size))
}

impl Sink for File {
    fn deliver(&mut self, messages: &[Message]) -> (usize, io::Result<()>) {
        let mut done = 0;
        while let Some(rest @ [_, ..]) = messages.get(done..) {
            let (count, said) = self.write(rest);
            done += count;
            if said.is_err() {
                self.give_up();
                return (done, said);
            }
        }
        (messages.len(), Ok(()))
    }

    fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    fn moved(&mut self) -> u64 {
        std::mem::take(&mut self.moved)
    }

    /// At once: whoever asked may look whether it is there.
    fn reopen(&mut self) {
        self.lead();
    }

    fn rotate(&mut self, at: Moment) {
        if Path::new(&self.path).exists() {
            self.move_away(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<Message> {
        let message = |text: &&str| Message { at: Moment(7_000_000), text: text.as_bytes().into() };
        texts.iter().map(message).collect()
    }

    #[test]
    fn a_file_that_grows_too_large_goes_and_no_line_is_lost() {
        let place = std::env::temp_dir().join(format!("uwsgi-logs-file-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        let path = place.join("a.log").display().to_string();
        let mut file = File::new(&path, 8, None, Some(0o600));
        assert_eq!(file.deliver(&lines(&["1234567\n", "x\n", "2\n", "1234567\n", "3\n"])).0, 5);
        let read = |name: &str| fs::read_to_string(place.join(name)).unwrap();
        assert_eq!(
            (read("a.log.7"), read("a.log.7.1")),
            ("1234567\nx\n".into(), "2\n1234567\n".into())
        );
        assert_eq!(read("a.log"), "3\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::remove_dir_all(&place).unwrap();
    }

    #[test]
    fn a_file_that_has_no_successor_stays_in_use() {
        let place = std::env::temp_dir().join(format!("uwsgi-logs-stays-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        let (path, away) = (place.join("a.log"), place.join("away"));
        let mut file = File::new(&path.display().to_string(), 0, None, None);
        assert_eq!(file.deliver(&lines(&["1\n"])).0, 1);
        fs::rename(&path, &away).unwrap();
        // What has the name now is no file.
        fs::create_dir(&path).unwrap();
        file.reopen();
        assert!(file.news().concat().contains("a.log\"): Is a directory"));
        assert_eq!(file.deliver(&lines(&["2\n"])).0, 1);
        assert_eq!(fs::read_to_string(&away).unwrap(), "1\n2\n");
        fs::remove_dir_all(&place).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_opened_keeps_its_lines_for_later() {
        let mut file = File::new("/nonexistent/a.log", 0, None, None);
        let (done, said) = file.deliver(&lines(&["a\n"]));
        assert_eq!((done, said.unwrap_err().kind()), (0, io::ErrorKind::NotFound));
    }
}
