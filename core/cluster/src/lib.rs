//! Metadata records to an image; the controller's decisions; every configuration key.
