//! Addresses of this host's network interfaces.

use std::ffi::CStr;
use std::io;
use std::net::Ipv4Addr;

/// Name and IPv4 address of each interface that has one, in the order of the kernel.
pub fn ipv4() -> io::Result<Vec<(String, Ipv4Addr)>> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the call stores one pointer, which is freed below.
    if unsafe { libc::getifaddrs(&raw mut list) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut at = list;
    // SAFETY: each entry is null or a live node of the list until it is freed.
    while let Some(entry) = unsafe { at.as_ref() } {
        found.extend(address(entry));
        at = entry.ifa_next;
    }
    // SAFETY: the list of the call above, not used any more.
    unsafe { libc::freeifaddrs(list) };
    Ok(found)
}

fn address(entry: &libc::ifaddrs) -> Option<(String, Ipv4Addr)> {
    // SAFETY: null, or a socket address of at least its family.
    let family = unsafe { entry.ifa_addr.as_ref()? }.sa_family;
    if i32::from(family) != libc::AF_INET {
        return None;
    }
    // SAFETY: of this family, therefore this long; the kernel's list aligns its addresses.
    let inet = unsafe { &*entry.ifa_addr.cast::<libc::sockaddr_in>() };
    // SAFETY: a NUL-terminated name inside the list.
    let name = unsafe { CStr::from_ptr(entry.ifa_name) }.to_string_lossy().into_owned();
    Some((name, Ipv4Addr::from(u32::from_be(inet.sin_addr.s_addr))))
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_found_has_a_name() {
        let found = super::ipv4().unwrap();
        assert!(found.iter().all(|(name, _)| !name.is_empty()), "{found:?}");
    }
}
