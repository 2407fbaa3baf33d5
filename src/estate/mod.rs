//! Files to declarations to desired objects.
