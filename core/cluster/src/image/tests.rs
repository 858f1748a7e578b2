//! Histories, their images, and what must be equal.
