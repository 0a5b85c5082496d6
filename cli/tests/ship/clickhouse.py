"""Asks the questions of docs/fleet.md with ClickHouse. Arguments: that page, the file with the table, files with lines."""

import json
import re
import sys

from chdb.session import Session

page, table = open(sys.argv[1]).read(), open(sys.argv[2]).read()
# Lines of the test grow old, and a row that is old enough would go.
table = re.sub(r"\n  TTL .*;", ";", table)
assert "TTL" not in table
session = Session()
session.query("SET session_timezone = 'UTC'")


def statements(text):
    return [part for part in re.sub(r"--.*", "", text).split(";") if part.strip()]


shown = [block for block in re.findall(r"```sql\n(.*?)```", page, re.S) if "CREATE TABLE records" in block]
assert len(shown) == 1 and all(part.strip() in open(sys.argv[2]).read() for part in shown[0].split(";"))
for statement in statements(table):
    session.query(statement)
for name in sys.argv[3:]:
    session.query("INSERT INTO records SETTINGS input_format_skip_unknown_fields = 1 FORMAT JSONEachRow\n" + open(name).read())


def ask(question):
    answer = session.query(question, "JSONCompactEachRow")
    return [json.loads(line) for line in str(answer).splitlines()]


questions = [block for block in re.findall(r"```sql\n(.*?)```", page, re.S) if "-- New since the deploy." in block]
assert len(questions) == 1, len(questions)
answers = [ask("SELECT id, fate, silent, incident FROM panics ORDER BY id")]
answers += [ask(question) for question in statements(questions[0])]
session.query("OPTIMIZE TABLE records FINAL")
merged = ask("SELECT count() FROM records WHERE kind IN ('panic', 'verdict')")[0][0]
print(json.dumps({"answers": answers, "merged": merged}))
