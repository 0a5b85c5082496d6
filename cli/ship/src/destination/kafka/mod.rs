//! `kafka`: a record each into a topic, acknowledged by all replicas that are in sync.
//!
//! The key is the fingerprint of the incident's root, so what belongs together keeps its order; keys go to partitions as
//! those of the Java client do. Another try after a failure may write a record twice, with the same `uid`.
//!
//! Source: Apache Kafka protocol; `org.apache.kafka.common.utils.Utils.murmur2`.

mod access;
mod meaning;
mod partition;

use std::collections::BTreeMap;
use std::time::Duration;

use rskafka::BackoffConfig;
use rskafka::chrono::DateTime;
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use tokio::runtime::Runtime;

use super::Destination;
use crate::answer::Answer;
use crate::config::Keys;
use crate::failure::Failure;
use crate::format::Format;
use crate::record::Record;

use access::Access;

/// A batch takes this long at most, connecting included.
const TIMEOUT: Duration = Duration::from_secs(10);

struct Kafka {
    brokers: Vec<String>,
    topic: String,
    compression: Compression,
    format: Format,
    timeout: Duration,
    access: Access,
    runtime: Runtime,
    /// `None`: nothing was sent yet, or something went wrong since.
    topic_client: Option<Topic>,
}

/// The topic as the brokers have it.
struct Topic {
    client: Client,
    partitions: Vec<i32>,
    open: BTreeMap<i32, PartitionClient>,
}

pub(super) fn open(keys: &Keys<'_>) -> Result<Box<dyn Destination>, Failure> {
    Ok(Box::new(Kafka::open(keys)?))
}

impl Kafka {
    fn open(keys: &Keys<'_>) -> Result<Self, Failure> {
        let brokers =
            keys.needed("brokers", "`brokers = \"127.0.0.1:9092\"`, with commas between several")?;
        let list: Vec<String> = brokers.text.split(',').map(|broker| broker.trim().to_owned()).collect();
        let is_address = |broker: &String| {
            broker
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if !list.iter().all(is_address) {
            return Err(keys.wrong(&brokers, "say `HOST:PORT`, with commas between several"));
        }
        let topic = keys.needed("topic", "`topic = \"panics\"`")?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if topic.text.is_empty() || topic.text.len() > 249 || !topic.text.chars().all(plain) {
            return Err(keys.wrong(&topic, "a topic has letters, digits, `.`, `_` and `-`, at most 249"));
        }
        let compression = match keys.word("compression", &["gzip", "none"])? {
            "none" => Compression::NoCompression,
            _ => Compression::Gzip,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let access = Access::open(keys, &list)?;
        Ok(Self {
            brokers: list,
            topic: topic.text,
            compression,
            format: Format::open(keys)?,
            timeout: keys.duration("timeout", TIMEOUT)?,
            access,
            runtime: runtime.map_err(|error| Failure::new(format!("cannot start a runtime: {error}")))?,
            topic_client: None,
        })
    }

    fn kafka_record(&self, record: &Record) -> rskafka::record::Record {
        let header = |name: &str, value: String| (name.to_owned(), value.into_bytes());
        rskafka::record::Record {
            key: Some(partition::key(record).into_bytes()),
            value: Some(self.format.line(record).into_owned()),
            headers: BTreeMap::from([
                header("event", record.event.name().to_owned()),
                header("uid", record.uid()),
            ]),
            timestamp: DateTime::from_timestamp_millis(record.ts_ms).unwrap_or_default(),
        }
    }
}

impl Destination for Kafka {
    fn send(&mut self, records: &[Record]) -> Answer {
        let records: Vec<_> = records.iter().map(|record| self.kafka_record(record)).collect();
        let (mut topic, timeout) = (self.topic_client.take(), self.timeout);
        let sending = async {
            let topic = match &mut topic {
                Some(topic) => topic,
                none => none.insert(Topic::find(&self.brokers, &self.topic, timeout, &self.access).await?),
            };
            topic.produce(&self.topic, records, self.compression).await
        };
        let sent = self.runtime.block_on(async { tokio::time::timeout(timeout, sending).await });
        match sent {
            Ok(Ok(())) => {
                self.topic_client = topic;
                Answer::Delivered(None)
            }
            // What is connected is thrown away: the brokers may be others by now.
            Ok(Err(Answer::Blocked { why })) => Answer::Blocked { why: self.access.scrub(why) },
            Ok(Err(answer)) => answer,
            Err(_) => Answer::unreachable(format!("no answer within {} s", timeout.as_secs_f64())),
        }
    }

    fn refresh(&mut self) -> bool {
        self.access.refresh()
    }
}

impl Topic {
    async fn find(
        brokers: &[String],
        name: &str,
        timeout: Duration,
        access: &Access,
    ) -> Result<Self, Answer> {
        // How long is waited between tries is decided elsewhere.
        let backoff = BackoffConfig { deadline: Some(timeout / 4), ..BackoffConfig::default() };
        let builder = ClientBuilder::new(brokers.to_vec()).client_id("panic-agent").backoff_config(backoff);
        let client = access.apply(builder).build().await.map_err(meaning::of)?;
        let topics = client.list_topics().await.map_err(meaning::of)?;
        let Some(topic) = topics.into_iter().find(|topic| topic.name == name) else {
            return Err(Answer::Blocked { why: format!("the brokers have no topic `{name}`; create it") });
        };
        let partitions: Vec<i32> = topic.partitions.into_iter().collect();
        if partitions.is_empty() {
            return Err(Answer::unreachable(format!("the topic `{name}` has no partition yet")));
        }
        Ok(Self { client, partitions, open: BTreeMap::new() })
    }

    async fn produce(
        &mut self,
        name: &str,
        records: Vec<rskafka::record::Record>,
        compression: Compression,
    ) -> Result<(), Answer> {
        let mut parts: BTreeMap<i32, Vec<rskafka::record::Record>> = BTreeMap::new();
        for record in records {
            let key = record.key.as_deref().unwrap_or_default();
            parts.entry(partition::of_key(key, &self.partitions)).or_default().push(record);
        }
        for (partition, records) in parts {
            if !self.open.contains_key(&partition) {
                let client = self.client.partition_client(name, partition, UnknownTopicHandling::Error);
                self.open.insert(partition, client.await.map_err(meaning::of)?);
            }
            if let Some(client) = self.open.get(&partition) {
                client.produce(records, compression).await.map_err(meaning::of)?;
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Kafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kafka")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}
