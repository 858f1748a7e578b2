//! See [`ImageEqualsReplay`].

use super::{Checker, Event, Setup, Violation};

/// The image by which a node acts is what replaying its metadata log from the start gives.
///
/// The world shows both; how they are compared is [`odradek_cluster::image::Image::difference`]'s.
pub struct ImageEqualsReplay;

impl ImageEqualsReplay {
    /// Watches every node.
    pub const fn new(_setup: &Setup) -> ImageEqualsReplay {
        ImageEqualsReplay
    }
}

impl Checker for ImageEqualsReplay {
    fn sentence(&self) -> &'static str {
        "image_equals_replay"
    }

    fn observe(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        let Event::Replayed { node, image, replayed } = event else { return Ok(()) };
        match image.difference(replayed) {
            Some(difference) => Err(Violation::new(self.sentence(), format!("node {node}: image and replay differ: {difference}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use odradek_cluster::image::{Image, Loader};
    use odradek_wire::records::metadata::{MetadataRecord, TopicRecord};

    use super::super::testing::{setup, watch};
    use super::*;

    #[test]
    fn fires_when_the_node_forgot_a_topic() {
        let mut loader = Loader::new(Image::new());
        let record = MetadataRecord::Topic(TopicRecord { name: "orders".into(), topic_id: odradek_wire::ids::Uuid([1; 16]) });
        loader.apply(&record, &mut Vec::new()).expect("a topic can be made");
        let (image, replayed) = (Image::new(), loader.image().clone());
        assert!(watch(ImageEqualsReplay::new(&setup()), &[Event::Replayed { node: 0, image: &image, replayed: &replayed }]).is_err());
        assert_eq!(watch(ImageEqualsReplay::new(&setup()), &[Event::Replayed { node: 0, image: &image, replayed: &image }]), Ok(()));
    }
}
