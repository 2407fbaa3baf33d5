"""Judges documents by a JSON Schema: `schema.py SCHEMA DOCUMENTS`, the second a JSON object of names to documents.

Prints a line for each thing that is wrong: the document's name, where in it, and what.
"""

import json
import sys

from jsonschema import Draft7Validator

with open(sys.argv[1]) as file:
    schema = json.load(file)
with open(sys.argv[2]) as file:
    documents = json.load(file)
Draft7Validator.check_schema(schema)
validator = Draft7Validator(schema)
for name, document in documents.items():
    for error in validator.iter_errors(document):
        where = "/".join(str(part) for part in error.absolute_path)
        print(f"{name}: {where}: {error.message[:200]}")
