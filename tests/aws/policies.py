"""Policies that others wrote, and what others say of them; a JSON value a line.

    policies.py managed ACTIONS    AWS's managed policies, as moto ships them, each with how many actions of the
                                   catalogue in the file ACTIONS each statement covers, the first and the last
    policies.py cases SOURCE       the documents of moto's own tests in its source package SOURCE (tar.gz), each
                                   with the refusal that moto's authors got, or null

The catalogue is read, and its patterns are expanded, by code of this file's own: that is the point of it.
"""

import ast
import fnmatch
import functools
import json
import re
import sys
import tarfile

CODES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def catalogue(path):
    """All actions of a catalogue, in lower case, by service. policies/catalogue/make.py says how it is written."""
    verbs, services = [], {}
    for line in open(path, encoding="utf-8"):
        head, *words = line.split()
        if head == "verbs":
            verbs = [word.split(":")[0] for word in words]
        elif head not in ("#", "date", "size", "source", "globals", "multivalued", "+"):
            noun, found = "", set()
            for word in words:
                spelt, held = word.rsplit(":", 1)
                noun = noun[: CODES.index(spelt[0])] + spelt[1:]
                for code in re.sub("[=!/%^]", "", held):
                    verb = "" if code == "-" else verbs[CODES.index(code)]
                    found.add(f"{head}:{verb}{noun}".lower())
            services[head] = found
    return services


def listed(value):
    return value if isinstance(value, list) else [value]


def managed(path):
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    services = catalogue(path)
    every = set().union(*services.values())

    @functools.lru_cache(maxsize=None)
    def matching(pattern):
        if pattern in every:
            return frozenset([pattern])
        near = every if pattern == "*" else services.get(pattern.split(":")[0], ())
        return frozenset(fnmatch.filter(near, pattern))

    for name, policy in json.loads(aws_managed_policies_data).items():
        statements = []
        for statement in listed(policy["Document"]["Statement"]):
            negated = "NotAction" in statement
            patterns = [text.lower() for text in listed(statement["NotAction" if negated else "Action"])]
            covered = set().union(*map(matching, patterns))
            covered = sorted(every - covered if negated else covered, key=lambda action: action.split(":"))
            ends = [covered[0], covered[-1]] if covered else []
            statements.append({"count": len(covered), "ends": ends, "unmatched": sum(not matching(p) for p in patterns)})
        print(json.dumps({"name": name, "document": json.dumps(policy["Document"]), "statements": statements}))


def cases(path):
    with tarfile.open(path) as source:
        (file,) = [name for name in source.getnames() if name.endswith("/tests/test_iam/test_iam_policies.py")]
        tests = source.extractfile(file).read()
    for node in ast.parse(tests).body:
        if isinstance(node, ast.Assign):
            name = node.targets[0].id
            for case in ast.literal_eval(node.value) if name.endswith(("_test_cases", "_documents")) else []:
                refusal = case["error_message"] if name.startswith("invalid") else None
                document = case["document"] if refusal else case
                print(json.dumps({"document": json.dumps(document), "refusal": refusal}))


{"managed": managed, "cases": cases}[sys.argv[1]](sys.argv[2])
