//! One bug each: what a guard is for, and what happens without it.
