//! What an error of a broker means.

use rskafka::client::error::{Error, ProtocolError};

use crate::answer::Answer;

/// Whether the record is at fault, we are, or nobody for long.
pub(super) fn of(error: Error) -> Answer {
    let why = error.to_string();
    match error {
        Error::ServerError { protocol_error, error_message, .. } => {
            let why = match error_message {
                Some(message) => format!("{protocol_error:?}: {message}"),
                None => format!("{protocol_error:?}"),
            };
            of_protocol(protocol_error, why)
        }
        _ if is_distrust(&why) => Answer::Blocked { why },
        _ => Answer::unreachable(why),
    }
}

/// Whether the broker does not let us in, or is not whom we trust. Kinds of these errors are not public, their texts are.
fn is_distrust(why: &str) -> bool {
    let sasl = why.contains("Sasl handshake failed: ") && !why.contains("Request error: ");
    sasl || ["invalid peer certificate: ", "received fatal alert: "].iter().any(|text| why.contains(text))
}

fn of_protocol(error: ProtocolError, why: String) -> Answer {
    match error {
        ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge | ProtocolError::InvalidRecord => {
            Answer::Refused { why }
        }
        ProtocolError::UnknownTopicOrPartition
        | ProtocolError::InvalidTopicException
        | ProtocolError::TopicAuthorizationFailed
        | ProtocolError::ClusterAuthorizationFailed
        | ProtocolError::SaslAuthenticationFailed
        | ProtocolError::UnsupportedSaslMechanism => Answer::Blocked { why },
        _ => Answer::unreachable(why),
    }
}

#[cfg(test)]
mod tests {
    use rskafka::client::error::RequestContext;

    use super::*;

    #[test]
    fn a_record_that_is_too_large_is_refused_and_a_topic_that_is_not_there_is_waited_for() {
        let answer = |protocol_error| {
            of(Error::ServerError {
                protocol_error,
                error_message: Some("so it is".to_owned()),
                request: RequestContext::Topic("t".to_owned()),
                response: None,
                is_virtual: false,
            })
        };
        let why = |error: &str| format!("{error}: so it is");
        assert_eq!(answer(ProtocolError::MessageTooLarge), Answer::Refused { why: why("MessageTooLarge") });
        let unknown = answer(ProtocolError::UnknownTopicOrPartition);
        assert_eq!(unknown, Answer::Blocked { why: why("UnknownTopicOrPartition") });
        let again = answer(ProtocolError::NotEnoughReplicas);
        assert_eq!(again, Answer::Retry { after: None, why: why("NotEnoughReplicas") });
        assert!(matches!(of(Error::Timeout), Answer::Retry { .. }));
    }
}
