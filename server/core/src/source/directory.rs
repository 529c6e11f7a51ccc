//! Directories of variables, as daemontools keeps them: one file for each.

use std::fs::{self, File};
use std::io;

use super::stream;

/// Name and raw content of every regular file that is not hidden, sorted by name. Links count as
/// what they lead to, because mounted secrets are links.
pub(super) fn variables(directory: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && fs::metadata(entry.path())?.is_file() {
            found.push((name, stream::whole(&mut File::open(entry.path())?)?));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_files_are_variables() {
        let home = std::env::temp_dir().join(format!("uwsgi-envdir-{}", std::process::id()));
        fs::create_dir_all(home.join("folder")).unwrap();
        for (name, content) in [("B", "2 \n"), ("A", ""), (".hidden", "x"), ("..data", "x")] {
            fs::write(home.join(name), content).unwrap();
        }
        std::os::unix::fs::symlink(home.join("B"), home.join("LINK")).unwrap();
        let path = home.to_str().unwrap();
        let expected = [("A", ""), ("B", "2 \n"), ("LINK", "2 \n")];
        let expected = expected.map(|(n, v)| (n.to_owned(), v.as_bytes().to_vec()));
        assert_eq!(variables(path).unwrap(), expected);
        std::os::unix::fs::symlink("nowhere", home.join("LOST")).unwrap();
        assert!(variables(path).is_err(), "a link that leads nowhere is a mistake, not a wish");
        fs::remove_dir_all(&home).unwrap();
        assert!(variables(path).is_err());
    }
}
