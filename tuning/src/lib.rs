//! Rules and advice over the memory model.
