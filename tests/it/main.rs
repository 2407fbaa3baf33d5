//! Tests through the front door: one binary, a file per story. A file forgotten here fails `tidy`.

mod env;
mod python;
mod tidy;
