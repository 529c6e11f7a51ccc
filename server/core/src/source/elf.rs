//! Sections of an ELF file by name: just enough of the format to find one.
//!
//! It reads 64 bit little-endian files, which is what this server runs on, and believes no
//! number in them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of a file header and of a section header.
const FILE_HEADER: usize = 64;
const SECTION_HEADER: usize = 64;

/// No section of a configuration is larger; a broken file must not ask for all memory.
const MAX_SECTION: u64 = 64 << 20;

/// Type of a section that takes no place in the file.
const NOBITS: u64 = 8;

/// The content of the section called `name`; `None` when the file has none.
pub(super) fn section(file: &File, name: &str) -> io::Result<Option<Vec<u8>>> {
    let header = read(file, 0, FILE_HEADER as u64)?;
    if header.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err(invalid("not a 64 bit little-endian ELF file"));
    }
    let (table, count) = (number(&header, 0x28, 8), number(&header, 0x3c, 2));
    let sections: Vec<Section> = read(file, table, count * SECTION_HEADER as u64)?
        .chunks_exact(SECTION_HEADER)
        .map(Section::parse)
        .collect();
    let names = sections.get(number(&header, 0x3e, 2) as usize);
    let names =
        names.ok_or_else(|| invalid("an ELF file without names of sections"))?.read(file)?;
    let wanted = sections.iter().find(|section| {
        let rest = names.get(section.name as usize..).unwrap_or_default();
        rest.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
    });
    wanted.map(|section| section.read(file)).transpose()
}

struct Section {
    /// Offset into the names.
    name: u64,
    kind: u64,
    offset: u64,
    size: u64,
}

impl Section {
    fn parse(header: &[u8]) -> Self {
        Self {
            name: number(header, 0, 4),
            kind: number(header, 4, 4),
            offset: number(header, 0x18, 8),
            size: number(header, 0x20, 8),
        }
    }

    fn read(&self, file: &File) -> io::Result<Vec<u8>> {
        if self.kind == NOBITS { Ok(Vec::new()) } else { read(file, self.offset, self.size) }
    }
}

fn read(file: &File, offset: u64, size: u64) -> io::Result<Vec<u8>> {
    let fits = usize::try_from(size).ok().filter(|_| size <= MAX_SECTION);
    let mut bytes = vec![0; fits.ok_or_else(|| invalid("a section of the ELF file is too large"))?];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// The little-endian number of `len` bytes at `at`; 0 beyond the end.
fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    let bytes = bytes.get(at..at + len).unwrap_or_default();
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> File {
        File::open("/proc/self/exe").unwrap()
    }

    #[test]
    fn sections_of_this_test_are_found() {
        let interpreter = section(&own(), ".interp").unwrap().unwrap();
        assert!(interpreter.ends_with(b".so.2\0") || interpreter.ends_with(b".so.1\0"));
        assert_eq!(section(&own(), ".bss").unwrap(), Some(Vec::new()), "it is not in the file");
        assert_eq!(section(&own(), ".inter").unwrap(), None, "names are compared as a whole");
    }

    #[test]
    fn broken_files_are_errors() {
        let path = std::env::temp_dir().join(format!("uwsgi-elf-{}", std::process::id()));
        let whole = std::fs::read("/proc/self/exe").unwrap();
        let mut lost = whole[..4096].to_vec();
        let mut huge = whole[..4096].to_vec();
        lost[0x28..0x30].copy_from_slice(&u64::MAX.to_le_bytes());
        huge[0x3c..0x3e].copy_from_slice(&u16::MAX.to_le_bytes());
        for bytes in [b"".as_slice(), b"[uwsgi]\n", &whole[..4096], &lost, &huge] {
            std::fs::write(&path, bytes).unwrap();
            assert!(section(&File::open(&path).unwrap(), ".interp").is_err());
        }
        std::fs::remove_file(&path).unwrap();
    }
}
