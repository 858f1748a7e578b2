//! The macro that turns a schema into a structure and its bytes.

/// Declares structures of flexible schemas.
///
/// Each field says `name: type [since]` or `name: type [since, tag n]`, then `= default` where the schema's default is not that of the type. A tagged field
/// is written only where it differs from its default. An untagged field of a later version must have its default when an older one is written: its maker
/// chooses the version, so anything else is a bug of ours and panics with the field's name.
macro_rules! schema {
    ($($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty [$since:literal $(, tag $tag:literal)?] $(= $default:expr)?,)* })+) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, clippy::allow_attributes, reason = "fields carry the names of Kafka's schemas, which say what they are")]
        #[allow(unfulfilled_lint_expectations, reason = "some schemas have no fields")]
        pub struct $name { $(pub $field: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                $name { $($field: $crate::records::schema!(@default $($default)?),)* }
            }
        }

        impl $name {
            /// The oldest version that can say what this holds.
            pub fn oldest_version(&self) -> u32 {
                #[expect(clippy::allow_attributes, reason = "as below")]
                #[allow(unused_mut, unused_variables, reason = "some schemas have no fields")]
                let (mut oldest, default) = (0u32, $name::default());
                $(if self.$field != default.$field { oldest = oldest.max($since); })*
                oldest
            }
        }

        #[expect(clippy::allow_attributes, reason = "what a schema lacks is not known to the macro")]
        #[allow(unused_mut, unused_variables, unused_comparisons, clippy::absurd_extreme_comparisons, reason = "some schemas have no fields, no tags, one version")]
        impl $crate::records::Field for $name {
            fn put(&self, version: u32, out: &mut bytes::BytesMut) {
                let default = $name::default();
                let mut tags = $crate::records::Tags::default();
                $($crate::records::schema!(@put self, default, tags, version, out, $field, $since $(, $tag)?);)*
                tags.put(out);
            }

            fn get(version: u32, from: &mut $crate::records::Reader) -> Result<Self, $crate::records::RecordError> {
                let mut value = $name::default();
                $($crate::records::schema!(@get value, version, from, $field, $since $(, $tag)?);)*
                $crate::records::Tags::get(from, |tag, from| {
                    $($crate::records::schema!(@tagged value, version, from, tag, $field, $since $(, $tag)?);)*
                    Ok(false)
                })?;
                Ok(value)
            }
        }
    )+ };

    (@default) => { Default::default() };
    (@default $default:expr) => { $default };

    (@put $self:ident, $default:ident, $tags:ident, $version:ident, $out:ident, $field:ident, $since:literal) => {
        if $version >= $since {
            $crate::records::Field::put(&$self.$field, $version, $out);
        } else {
            assert!($self.$field == $default.$field, "{} cannot be said in version {}", stringify!($field), $version);
        }
    };
    (@put $self:ident, $default:ident, $tags:ident, $version:ident, $out:ident, $field:ident, $since:literal, $tag:literal) => {
        if $self.$field != $default.$field {
            assert!($version >= $since, "{} cannot be said in version {}", stringify!($field), $version);
            $tags.add($tag, &$self.$field, $version);
        }
    };

    (@get $value:ident, $version:ident, $from:ident, $field:ident, $since:literal) => {
        if $version >= $since {
            $value.$field = $crate::records::Field::get($version, $from)?;
        }
    };
    (@get $value:ident, $version:ident, $from:ident, $field:ident, $since:literal, $tag:literal) => {};

    (@tagged $value:ident, $version:ident, $from:ident, $found:ident, $field:ident, $since:literal) => {};
    (@tagged $value:ident, $version:ident, $from:ident, $found:ident, $field:ident, $since:literal, $tag:literal) => {
        if $found == $tag && $version >= $since {
            $value.$field = $crate::records::Field::get($version, $from)?;
            return Ok(true);
        }
    };
}

pub(crate) use schema;
