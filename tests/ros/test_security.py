"""The example of a SROS2 policy against what the running node has: nothing is lacking, and nothing is allowed that it never does."""

import xml.etree.ElementTree as ElementTree

from harness import NodeTest
from process import REPOSITORY

POLICY = REPOSITORY / "config" / "security" / "policy.xml"
# Allowed for a node with other parameters than the defaults.
ON_DEMAND = {"/image/compressed", "/clock"}


def allowed(kind, verb):
    """Full names that the policy allows the node /itnet to publish, subscribe to, or reply on."""
    (profile,) = ElementTree.parse(POLICY).getroot().iter("profile")
    assert (profile.get("ns"), profile.get("node")) == ("/", "itnet")
    names = [each.text for group in profile if group.get(verb) == "ALLOW" for each in group.iter(kind)]
    assert len(names) == len(set(names)), f"{verb}: a name stands twice"
    absolute = {"~": "/itnet", "/": ""}
    return {absolute.get(name[0], "/") + name.removeprefix("~") for name in names}


class Security(NodeTest):
    def test_the_policy_allows_what_the_node_does_and_no_more(self):
        self.active()
        graph = self.peer

        def names(of):
            return {name for name, _ in of("itnet", "/")}

        def seen():
            publishes = names(graph.get_publisher_names_and_types_by_node)
            subscribes = names(graph.get_subscriber_names_and_types_by_node)
            replies = names(graph.get_service_names_and_types_by_node)
            return publishes, subscribes, replies

        wanted = (
            allowed("topic", "publish"),
            allowed("topic", "subscribe") - ON_DEMAND,
            allowed("service", "reply"),
        )
        try:
            self.wait(lambda: seen() == wanted, "the node to be known whole", timeout=20.0)
        except AssertionError:
            for found, expected in zip(seen(), wanted):
                self.assertEqual(found, expected)
        requests = names(graph.get_client_names_and_types_by_node)
        self.assertEqual(requests, set())
