//! Which names a topic may have.

use crate::image::Image;
use crate::messages::ErrorCode;

use super::Refusal;

const LENGTH_MAX: usize = 249;

/// Refuses a name that no topic may have.
///
/// # Errors
/// With Kafka's sentence.
pub fn check_topic_name(name: &str) -> Result<(), Refusal> {
    let why = match name {
        "" => "the empty string is not allowed".to_owned(),
        "." => "'.' is not allowed".to_owned(),
        ".." => "'..' is not allowed".to_owned(),
        _ if name.encode_utf16().count() > LENGTH_MAX => {
            format!("the length of '{name}' is longer than the max allowed length {LENGTH_MAX}")
        }
        _ if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) => {
            format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
        }
        _ => return Ok(()),
    };
    Err(Refusal::new(ErrorCode::InvalidTopicException, format!("Topic name is invalid: {why}")))
}

/// Refuses a name that differs from an existing one only in `.` and `_`: both would have the same metrics.
pub(super) fn check_collision(image: &Image, name: &str) -> Result<(), Refusal> {
    if !name.contains(['.', '_']) {
        return Ok(());
    }
    let unified = name.replace('.', "_");
    // Names that collide agree up to the first of the two characters, so only those that begin like this one are looked at.
    let common = &name[..name.find(['.', '_']).expect("one of them was found above")];
    let mut near = image.topics_from(common).take_while(|t| t.name.starts_with(common));
    match near.find(|t| *t.name != *name && t.name.replace('.', "_") == unified) {
        Some(other) => {
            let message = format!("Topic '{name}' collides with existing topic: {}", other.name);
            Err(Refusal::new(ErrorCode::InvalidTopicException, message))
        }
        None => Ok(()),
    }
}
