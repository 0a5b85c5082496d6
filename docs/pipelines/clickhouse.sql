-- A row for each panic with the last word on it: what is sent again replaces its row, and a verdict the panic before it.
CREATE TABLE records (
  id String,
  kind LowCardinality(String),
  ts_ms Int64,
  service LowCardinality(String),
  version LowCardinality(String),
  environment LowCardinality(String),
  host LowCardinality(String),
  fingerprint String,
  incident String,
  fate LowCardinality(String),
  receipt LowCardinality(String),
  silent Nullable(Bool),
  thread Nullable(String),
  message Nullable(String),
  frames String CODEC(ZSTD(6)),
  -- Verdicts come after panics, later ones after earlier ones.
  word UInt64 DEFAULT toUInt64(ts_ms) + if(kind = 'verdict', 4611686018427387904, 0)
) ENGINE = ReplacingMergeTree(word)
  ORDER BY (service, id, kind = 'panic' OR kind = 'verdict')
  PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(ts_ms))
  TTL toDateTime(intDiv(ts_ms, 1000)) + INTERVAL 90 DAY;

CREATE VIEW panics AS SELECT * FROM records FINAL WHERE kind IN ('panic', 'verdict');

-- Words of the questions that ClickHouse has under other names.
CREATE FUNCTION epoch_ms AS (time) -> toUnixTimestamp(time) * 1000;
CREATE FUNCTION arg_min AS (value, by) -> argMin(value, by);
