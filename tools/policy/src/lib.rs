//! The house rules that a compiler does not know, held by the tests beside this file: what `core/` may depend on, how long a file may grow,
//! and that every link of our documents leads somewhere.
