//! `listener.security.protocol.map`: what each listener speaks. As in Apache Kafka, a listener that the map lacks is refused.

use std::collections::BTreeMap;

use odradek_cluster::config::StaticConfig;

const KEY: &str = "listener.security.protocol.map";

/// The protocols that Apache Kafka knows.
const KNOWN: &[&str] = &["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

/// Protocols by the name of the listener, both in capitals.
#[derive(Debug)]
pub struct Protocols {
    by_listener: BTreeMap<String, &'static str>,
}

impl Protocols {
    /// Reads the map. Where none is given, listeners of controllers speak PLAINTEXT.
    ///
    /// # Errors
    /// One line that names the entry and what is wrong with it.
    pub fn read(keys: &StaticConfig) -> Result<Protocols, String> {
        let mut by_listener = BTreeMap::new();
        for entry in keys.list("listener.security.protocol.map") {
            let (name, protocol) = entry.split_once(':').ok_or_else(|| format!("{KEY}: {entry}: expected NAME:PROTOCOL"))?;
            let (name, protocol) = (name.trim().to_uppercase(), protocol.trim().to_uppercase());
            let known = KNOWN.iter().find(|known| **known == protocol);
            let known = *known.ok_or_else(|| format!("{KEY}: {entry}: {protocol} is none of {}", KNOWN.join(", ")))?;
            if by_listener.insert(name.clone(), known).is_some_and(|before| before != known) {
                return Err(format!("{KEY}: {name} appears twice; give each listener one protocol"));
            }
        }
        if keys.set(KEY).is_none() {
            for name in keys.list("controller.listener.names") {
                by_listener.entry(name.to_uppercase()).or_insert("PLAINTEXT");
            }
        }
        Ok(Protocols { by_listener })
    }

    /// Refuses a listener that the map lacks, and one that asks for TLS or SASL: ignoring that would serve in the clear what was meant to be protected.
    ///
    /// # Errors
    /// One line that names the listener and what to write.
    pub fn check(&self, listener: &str) -> Result<(), String> {
        match self.by_listener.get(listener) {
            Some(&"PLAINTEXT") => Ok(()),
            Some(protocol) => Err(format!(
                "listeners: {listener} asks for {protocol}, which this server does not speak; use PLAINTEXT on an address that only trusted clients reach"
            )),
            None => Err(format!("listeners: {KEY} says nothing of {listener}; add {listener}:PLAINTEXT to it")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&str, &str)]) -> Result<Protocols, String> {
        Protocols::read(&StaticConfig::parse(lines.iter().copied()).expect("the keys are known"))
    }

    #[test]
    fn a_listener_is_known_by_the_map_or_by_the_name_of_a_protocol() {
        let default = read(&[("controller.listener.names", "CONTROLLER")]).expect("it is right");
        assert_eq!((default.check("PLAINTEXT"), default.check("CONTROLLER")), (Ok(()), Ok(())));
        assert!(default.check("INSIDE").unwrap_err().contains("says nothing of INSIDE; add INSIDE:PLAINTEXT"));
        assert!(default.check("SASL_SSL").unwrap_err().contains("SASL_SSL asks for SASL_SSL"));
        let own = read(&[(KEY, "inside:plaintext, OUTSIDE:SSL"), ("controller.listener.names", "CONTROLLER")]).expect("it is right");
        assert_eq!(own.check("INSIDE"), Ok(()));
        assert!(own.check("OUTSIDE").unwrap_err().contains("OUTSIDE asks for SSL"));
        for name in ["PLAINTEXT", "CONTROLLER"] {
            assert!(own.check(name).is_err(), "a map that is given stands alone: {name}");
        }
        assert!(read(&[(KEY, "")]).expect("it is empty").check("PLAINTEXT").is_err());
    }

    #[test]
    fn a_map_that_cannot_be_is_refused() {
        for (map, word) in [("PLAINTEXT", "NAME:PROTOCOL"), ("A:TLS", "TLS is none of"), ("A:SSL,a:PLAINTEXT", "A appears twice")] {
            let error = read(&[(KEY, map)]).unwrap_err();
            assert!(error.contains(word), "{map}: {error}");
        }
        assert!(read(&[(KEY, "A:SSL,a:ssl")]).is_ok());
    }
}
