"""Prints what a topic has, a line of JSON per message. Arguments: broker, topic."""

import json
import sys

from confluent_kafka import Consumer, TopicPartition

broker, topic = sys.argv[1:]
consumer = Consumer({"bootstrap.servers": broker, "group.id": "t", "enable.auto.commit": False, "log_level": 0})
partitions = consumer.list_topics(topic, 10).topics[topic].partitions
consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
# The high watermark that Tansu tells does not count all records of a batch, so the end is where nothing more comes.
patience = 2
while (message := consumer.poll(patience)) is not None:
    if message.error():
        sys.exit(str(message.error()))
    patience = 0.5
    headers = {name: value.decode() for name, value in message.headers() or []}
    key, value = (message.key() or b"").decode(), message.value().decode()
    print(json.dumps({"partition": message.partition(), "key": key, "headers": headers, "value": value}))
consumer.close()
