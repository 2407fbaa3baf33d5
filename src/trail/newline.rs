//! Where lines end in a file, from its end.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

/// Where the last newline of a file before `end` is.
pub(super) fn newline_before(file: &mut File, end: u64) -> std::io::Result<Option<u64>> {
    const BLOCK_BYTES: u64 = 64 * 1024;
    let mut block = Vec::new();
    let mut end = end;
    while end > 0 {
        let start = end.saturating_sub(BLOCK_BYTES);
        block.clear();
        file.seek(SeekFrom::Start(start))?;
        (&*file).take(end - start).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}
