//! Bags that are cut off, damaged or hostile.
