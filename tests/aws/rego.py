"""Evaluates a Rego policy: rego.py POLICY INPUT QUERY prints the sorted answers of a set, one a line."""

import json
import pathlib
import sys

from regopy import Interpreter

policy, document, query = sys.argv[1:]
interpreter = Interpreter()
interpreter.add_module("policy", pathlib.Path(policy).read_text(encoding="utf-8"))
interpreter.set_input(json.loads(pathlib.Path(document).read_text(encoding="utf-8")))
answer = json.loads(str(interpreter.query(query)))
print(*sorted(answer["expressions"][0]), sep="\n")
