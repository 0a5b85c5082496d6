"""Asks the questions of docs/fleet.md with DuckDB in the working directory. Arguments: the page, the name of a view."""

import json
import re
import sys

import duckdb

page, view = open(sys.argv[1]).read(), sys.argv[2]
blocks = re.findall(r"```sql\n(.*?)```", page, re.S)
views = [block for block in blocks if "CREATE VIEW" in block and view in block]
questions = [block for block in blocks if "-- New since the deploy." in block]
assert len(views) == 1 and len(questions) == 1, (len(views), len(questions))
connection = duckdb.connect()
connection.execute(views[0])
ids = "SELECT id, fate, silent, incident FROM panics ORDER BY id"
answers = [connection.execute(ids).fetchall()]
for question in questions[0].split(";"):
    if re.sub(r"--.*", "", question).strip():
        answers.append(connection.execute(question).fetchall())
print(json.dumps(answers, default=str))
