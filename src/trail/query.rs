//! Reading a trail back: which credentials were issued, and what became of them.
