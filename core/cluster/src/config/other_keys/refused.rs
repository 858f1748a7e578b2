//! Keys that may be set to their default only: to ignore anything else would lose data, open a door or break a promise.

use super::family;
use crate::config::definition::{Definition, Effect, Update, ValueType};
use crate::config::rule::Rule;

/// By reason, then by name.
pub(super) const FAMILIES: &[&[Definition]] = &[
    family! { Refused: "this server does not speak TLS",
        "security.providers", String, None, Rule::Any;
        "ssl.allow.dn.changes", Boolean, Some("false"), Rule::Any;
        "ssl.allow.san.changes", Boolean, Some("false"), Rule::Any;
        "ssl.cipher.suites", List, Some(""), Rule::Any;
        "ssl.client.auth", String, Some("none"), Rule::Any;
        "ssl.enabled.protocols", List, Some("TLSv1.2,TLSv1.3"), Rule::Any;
        "ssl.endpoint.identification.algorithm", String, Some("https"), Rule::Any;
        "ssl.engine.factory.class", Class, None, Rule::Any;
        "ssl.key.password", Password, None, Rule::Any;
        "ssl.keymanager.algorithm", String, Some("SunX509"), Rule::Any;
        "ssl.keystore.certificate.chain", Password, None, Rule::Any;
        "ssl.keystore.key", Password, None, Rule::Any;
        "ssl.keystore.location", String, None, Rule::Any;
        "ssl.keystore.password", Password, None, Rule::Any;
        "ssl.keystore.type", String, Some("JKS"), Rule::Any;
        "ssl.principal.mapping.rules", String, Some("DEFAULT"), Rule::Any;
        "ssl.protocol", String, Some("TLSv1.3"), Rule::Any;
        "ssl.provider", String, None, Rule::Any;
        "ssl.secure.random.implementation", String, None, Rule::Any;
        "ssl.trustmanager.algorithm", String, Some("PKIX"), Rule::Any;
        "ssl.truststore.certificates", Password, None, Rule::Any;
        "ssl.truststore.location", String, None, Rule::Any;
        "ssl.truststore.password", Password, None, Rule::Any;
        "ssl.truststore.type", String, Some("JKS"), Rule::Any;
    },
    family! { Refused: "this server does not speak SASL",
        "sasl.client.callback.handler.class", Class, None, Rule::Any;
        "sasl.enabled.mechanisms", List, Some("GSSAPI"), Rule::Any;
        "sasl.jaas.config", Password, None, Rule::Any;
        "sasl.kerberos.kinit.cmd", String, Some("/usr/bin/kinit"), Rule::Any;
        "sasl.kerberos.min.time.before.relogin", Long, Some("60000"), Rule::Any;
        "sasl.kerberos.principal.to.local.rules", List, Some("DEFAULT"), Rule::Any;
        "sasl.kerberos.service.name", String, None, Rule::Any;
        "sasl.kerberos.ticket.renew.jitter", Double, Some("0.05"), Rule::Any;
        "sasl.kerberos.ticket.renew.window.factor", Double, Some("0.8"), Rule::Any;
        "sasl.login.callback.handler.class", Class, None, Rule::Any;
        "sasl.login.class", Class, None, Rule::Any;
        "sasl.login.connect.timeout.ms", Int, None, Rule::Any;
        "sasl.login.read.timeout.ms", Int, None, Rule::Any;
        "sasl.login.refresh.buffer.seconds", Short, Some("300"), Rule::Any;
        "sasl.login.refresh.min.period.seconds", Short, Some("60"), Rule::Any;
        "sasl.login.refresh.window.factor", Double, Some("0.8"), Rule::Any;
        "sasl.login.refresh.window.jitter", Double, Some("0.05"), Rule::Any;
        "sasl.login.retry.backoff.max.ms", Long, Some("10000"), Rule::Any;
        "sasl.login.retry.backoff.ms", Long, Some("100"), Rule::Any;
        "sasl.mechanism.controller.protocol", String, Some("GSSAPI"), Rule::Any;
        "sasl.mechanism.inter.broker.protocol", String, Some("GSSAPI"), Rule::Any;
        "sasl.oauthbearer.assertion.algorithm", String, Some("RS256"), Rule::Any;
        "sasl.oauthbearer.assertion.claim.aud", String, None, Rule::Any;
        "sasl.oauthbearer.assertion.claim.exp.seconds", Int, Some("300"), Rule::Between(0, 86_400);
        "sasl.oauthbearer.assertion.claim.iss", String, None, Rule::Any;
        "sasl.oauthbearer.assertion.claim.jti.include", Boolean, Some("false"), Rule::Any;
        "sasl.oauthbearer.assertion.claim.nbf.seconds", Int, Some("60"), Rule::Between(0, 3600);
        "sasl.oauthbearer.assertion.claim.sub", String, None, Rule::Any;
        "sasl.oauthbearer.assertion.file", String, None, Rule::Any;
        "sasl.oauthbearer.assertion.private.key.file", String, None, Rule::Any;
        "sasl.oauthbearer.assertion.private.key.passphrase", Password, None, Rule::Any;
        "sasl.oauthbearer.assertion.template.file", String, None, Rule::Any;
        "sasl.oauthbearer.client.credentials.client.id", String, None, Rule::Any;
        "sasl.oauthbearer.client.credentials.client.secret", Password, None, Rule::Any;
        "sasl.oauthbearer.clock.skew.seconds", Int, Some("30"), Rule::Any;
        "sasl.oauthbearer.expected.audience", List, Some(""), Rule::Any;
        "sasl.oauthbearer.expected.issuer", String, None, Rule::Any;
        "sasl.oauthbearer.jwks.endpoint.refresh.ms", Long, Some("3600000"), Rule::Any;
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Long, Some("10000"), Rule::Any;
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Long, Some("100"), Rule::Any;
        "sasl.oauthbearer.jwks.endpoint.url", String, None, Rule::Any;
        "sasl.oauthbearer.jwt.retriever.class", Class, Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"), Rule::Any;
        "sasl.oauthbearer.jwt.validator.class", Class, Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"), Rule::Any;
        "sasl.oauthbearer.scope", String, None, Rule::Any;
        "sasl.oauthbearer.scope.claim.name", String, Some("scope"), Rule::Any;
        "sasl.oauthbearer.sub.claim.name", String, Some("sub"), Rule::Any;
        "sasl.oauthbearer.token.endpoint.url", String, None, Rule::Any;
        "sasl.server.callback.handler.class", Class, None, Rule::Any;
        "sasl.server.max.receive.size", Int, Some("524288"), Rule::Any;
    },
    family! { Refused: "this server speaks PLAINTEXT only",
        "security.inter.broker.protocol", String, Some("PLAINTEXT"), Rule::Any;
    },
    family! { Refused: "this server checks no permissions",
        "authorizer.class.name", String, Some(""), Rule::Any;
        "principal.builder.class", Class, Some("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"), Rule::Any;
    },
    family! { Refused: "this server knows no delegation tokens",
        "delegation.token.secret.key", Password, None, Rule::Any;
    },
    family! { Refused: "this server runs no plugins, so what this one would forbid would be allowed",
        "alter.config.policy.class.name", Class, None, Rule::Any;
        "client.quota.callback.class", Class, None, Rule::Any;
        "create.topic.policy.class.name", Class, None, Rule::Any;
    },
    family! { Refused: "this server takes every value as it is written, and asks no provider for it",
        "config.providers", List, Some(""), Rule::Any;
    },
    family! { Refused: "this server keeps every segment on its own disks",
        "remote.log.storage.system.enable", Boolean, Some("false"), Rule::Any;
    },
    family! { Refused: "this server cannot keep partitions out of one of its directories yet",
        "cordoned.log.dirs", List, Some(""), Rule::Any;
    },
];
