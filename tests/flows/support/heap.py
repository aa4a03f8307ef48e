# SPDX-License-Identifier: Apache-2.0
"""A snapshot of a page's heap: which of its objects still hold a text, and by what way they are reached."""
import json

LONGEST = 12        # objects on a way


class Heap:
    def __init__(self, text):
        snapshot = json.loads(text)
        meta, self.strings = snapshot["snapshot"]["meta"], snapshot["strings"]
        self.fields, self.edge_fields = meta["node_fields"], meta["edge_fields"]
        self.node_types, self.edge_types = meta["node_types"][0], meta["edge_types"][0]
        self.nodes, self.edges = snapshot["nodes"], snapshot["edges"]

    def node(self, at):
        return dict(zip(self.fields, self.nodes[at:at + len(self.fields)]))

    def incoming(self):
        """Return {node: [(node, name of the edge)]}, without weak edges."""
        found, edge = {}, 0
        for at in range(0, len(self.nodes), len(self.fields)):
            for _ in range(self.node(at)["edge_count"]):
                kind, name, to = self.edges[edge:edge + 3]
                kind = self.edge_types[kind]
                if kind != "weak":
                    found.setdefault(to, []).append((at, str(name) if kind in ("element", "hidden") else self.strings[name]))
                edge += len(self.edge_fields)
        return found

    def holders(self, text):
        """Return the way from each string that contains the text towards a root, a line each; none for those that
        nothing holds."""
        hits = [at for at in range(0, len(self.nodes), len(self.fields))
                if text in self.strings[self.nodes[at + 1]]]
        incoming = self.incoming() if hits else {}
        return [self.way(at, incoming) for at in hits]

    def way(self, at, incoming):
        words, seen = [self.strings[self.nodes[at + 1]][:60]], {at}
        while len(words) < LONGEST:
            before = [(node, name) for node, name in incoming.get(at, ()) if node not in seen]
            if not before:
                break
            at, name = before[0]
            seen.add(at)
            words.append(f".{name} of {self.node_types[self.nodes[at]]} {self.strings[self.nodes[at + 1]][:60]}")
        return " <- ".join(words)
