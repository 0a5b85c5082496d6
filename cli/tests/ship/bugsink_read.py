"""Prints what Bugsink has, a line of JSON per event: id, issue, level, and the tag that it makes of `handled`."""

import json
import sqlite3

QUERY = """
SELECT replace(event.event_id, '-', ''), event.issue_id, event.level, (
  SELECT value.value FROM tags_eventtag AS tag JOIN tags_tagvalue AS value ON tag.value_id = value.id
  JOIN tags_tagkey AS key ON value.key_id = key.id WHERE tag.event_id = event.id AND key.key = 'handled'
) FROM events_event AS event
"""
for event, issue, level, handled in sqlite3.connect("file:db.sqlite3?mode=ro", uri=True).execute(QUERY):
    print(json.dumps({"event": event, "issue": issue, "level": level, "handled": handled}))
