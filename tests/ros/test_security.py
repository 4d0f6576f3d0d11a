"""The example of a SROS2 policy: against what the running node has, and enforced by the middleware."""

import os
import xml.etree.ElementTree as ElementTree

from diagnostic_msgs.msg import DiagnosticArray

from harness import NodeTest
from process import REPOSITORY, finished

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


class Enclave(NodeTest):
    """Node and peer in enclaves of one keystore; the peer may do anything, the node what the policy says."""

    def setUp(self):
        try:
            super().setUp()
        except RuntimeError as refused:
            if "does not have security" not in str(refused):
                raise
            self.skipTest(f"the middleware is built without security: {refused}")

    def prepare(self):
        self.keystore = self.scratch / "keystore"
        if finished(["ros2", "security", "--help"], self.environment())[0] != 0:
            self.skipTest("there is no `ros2 security`")
        self.security("create_keystore", self.keystore)
        for enclave in ("/itnet", "/peer"):
            self.security("create_enclave", self.keystore, enclave)
        self.permit(POLICY)
        secured = {"KEYSTORE": str(self.keystore), "ENABLE": "true", "STRATEGY": "Enforce"}
        for name, value in secured.items():
            os.environ[f"ROS_SECURITY_{name}"] = value
            self.addCleanup(os.environ.pop, f"ROS_SECURITY_{name}")
        return ["--ros-args", "--enclave", "/peer"]

    def security(self, *arguments):
        code, said = self.ros2("security", *arguments)
        self.assertEqual(code, 0, said)

    def permit(self, policy):
        self.security("create_permission", self.keystore, "/itnet", policy)

    def topics(self, **more):
        """What `ros2 topic list` sees."""
        command = ["ros2", "topic", "list", "--no-daemon", "--spin-time", "5"]
        code, said = finished(command, self.environment(**more))
        self.assertEqual(code, 0, said)
        return said.split()

    def test_the_policy_is_enough_where_it_is_enforced(self):
        node = self.active({}, "--enclave", "/itnet")
        masks, told = self.listen("/itnet/mask"), self.listen("/diagnostics", DiagnosticArray)
        self.camera().feed(lambda: masks and told, "a mask and diagnostics")
        self.assertTrue(self.set(budget_ms=50.0)[0].successful)
        self.assertTrue(self.change("deactivate"))
        self.assertEqual(node.said("ERROR") + node.said("WARN"), [])

    def test_who_has_no_key_sees_nothing(self):
        self.active({}, "--enclave", "/itnet")
        self.assertIn("/itnet/mask", self.topics(ROS_SECURITY_ENCLAVE_OVERRIDE="/peer"))
        self.assertNotIn("/itnet/mask", self.topics(ROS_SECURITY_ENABLE="false"))

    def test_a_topic_that_the_policy_lacks_is_named(self):
        lacking = self.scratch / "policy.xml"
        lacking.write_text(POLICY.read_text().replace("<topic>~/confidence</topic>", ""))
        self.permit(lacking)
        node = self.start({}, "--enclave", "/itnet")
        self.wait_for_word(node, "ERROR", "~/confidence")
        self.wait_for_state("unconfigured")
