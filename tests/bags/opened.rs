//! What is and what is not a bag.
