"""Consecutive versions of AWS's managed policies, as the npm package in the archive ARCHIVE (tgz) keeps them; a pair a line.

    versions.py ARCHIVE [MAX]    with MAX, only pairs whose documents are both of at most so many characters

Each pair says whether the new document lies within the old one (`narrower`) and the old one within the new one
(`wider`), where patterns alone prove it: every action and resource that is allowed was allowed by one statement under
the same conditions or none, and every denial is kept. `false` says nothing. This file reads policies by itself: that
is the point of it.
"""

import functools
import json
import re
import sys
import tarfile


def listed(value):
    return value if isinstance(value, list) else [value]


@functools.lru_cache(maxsize=None)
def expression(pattern, colons):
    """Matches the patterns that it contains, read as texts. Inside a segment of a resource a wildcard takes no colon:
    what is contained by that reading is contained by the other one too."""
    parts = []
    for at, letter in enumerate(pattern):
        last = pattern[at + 1 : at + 2] in ("", ":")
        if letter == "*":
            parts.append(".*" if last or not colons else "[^:]*")
        elif letter == "?":
            parts.append("[^*:]" if colons else "[^*]")
        else:
            parts.append(re.escape(letter))
    return re.compile("".join(parts), re.DOTALL)


def contains(wide, narrow, colons):
    if wide == narrow or wide == "*":
        return True
    if "*" not in wide and "?" not in wide or "?" in wide and "${" in narrow:
        return False
    return expression(wide, colons).fullmatch(narrow) is not None


def scope(statement, element):
    """A list of pieces: each pattern of an element, or its negation as a whole."""
    fold = str.lower if element == "Action" else str
    if element in statement:
        return [(False, fold(text)) for text in listed(statement[element])]
    return [(True, frozenset(fold(text) for text in listed(statement["Not" + element])))]


def covers(wide, narrow, colons):
    if not wide[0] and wide[1] == "*":
        return True
    if wide[0] != narrow[0]:
        return False
    if not wide[0]:
        return contains(wide[1], narrow[1], colons)
    return all(any(contains(kept, gone, colons) for kept in narrow[1]) for gone in wide[1])


def conditions(statement):
    return sorted(
        (operator.lower(), key.lower(), sorted(map(str, listed(values))))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def pieces(document, effect):
    found = []
    for statement in listed(document["Statement"]):
        if statement["Effect"] == effect:
            found.append((scope(statement, "Action"), scope(statement, "Resource"), conditions(statement)))
    return found


def all_covered(wide, narrow):
    for actions, resources, limits in narrow:
        able = [one for one in wide if one[2] in ([], limits)]
        for resource in resources:
            near = [one for one in able if any(covers(other, resource, True) for other in one[1])]
            exact = {action for one in near for action in one[0]}
            loose = [action for action in exact if action[0] or "*" in action[1] or "?" in action[1]]
            for action in actions:
                if action not in exact and not any(covers(other, action, False) for other in loose):
                    return False
    return True


def within(new, old):
    return all_covered(pieces(old, "Allow"), pieces(new, "Allow")) and all_covered(
        pieces(new, "Deny"), pieces(old, "Deny")
    )


def main(archive, most=None):
    with tarfile.open(archive) as package:
        policies = json.load(package.extractfile("package/dist/managedPolicies.json"))
    for name, policy in sorted(policies.items()):
        versions = sorted(policy["versions"].items(), key=lambda version: int(version[0].lstrip("v")))
        for (before, old), (after, new) in zip(versions, versions[1:]):
            old, new = old["document"], new["document"]
            if old == new:
                continue
            texts = [json.dumps(document, separators=(",", ":"), ensure_ascii=False) for document in (old, new)]
            if most is None or max(map(len, texts)) <= int(most):
                pair = {"name": f"{name} {before}..{after}", "old": texts[0], "new": texts[1]}
                print(json.dumps(pair | {"narrower": within(new, old), "wider": within(old, new)}))


main(*sys.argv[1:])
