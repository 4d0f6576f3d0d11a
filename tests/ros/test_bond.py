"""The bond with Nav2's lifecycle manager."""

import signal

from harness import NodeTest

try:
    from bond.msg import Status
except ImportError:
    Status = None

MANAGED = {"autostart": False}


class Bond(NodeTest):
    def setUp(self):
        if Status is None:
            self.skipTest("bond is not installed")
        super().setUp()

    def test_an_active_node_gives_signs_of_life_until_it_is_deactivated(self):
        self.active()
        statuses = self.listen("/bond", Status)
        self.wait(lambda: len(statuses) >= 3, "three signs of life")
        self.assertEqual({(each.id, each.active) for each in statuses}, {("itnet", True)})
        self.assertTrue(self.change("deactivate"))
        self.wait(lambda: not statuses[-1].active, "the end of the bond")

    def test_a_node_that_is_ended_says_so(self):
        node = self.active()
        statuses = self.listen("/bond", Status)
        self.wait(lambda: statuses, "a sign of life")
        node.send(signal.SIGINT)
        self.wait(lambda: not statuses[-1].active, "the end of the bond")

    def test_a_manager_bonds_with_the_node_notices_its_death_and_brings_it_back(self):
        if self.ros2("pkg", "prefix", "nav2_lifecycle_manager")[0] != 0:
            self.skipTest("nav2_lifecycle_manager is not installed")
        # Long enough for the new node to be discovered: Humble's manager waits for ever for an answer of the dead one.
        told = {"autostart": "true", "node_names": "['itnet']", "bond_timeout": "8.0"}
        parameters = [part for name, value in told.items() for part in ("-p", f"{name}:={value}")]
        manager = self.launch(["ros2", "run", "nav2_lifecycle_manager", "lifecycle_manager", "--ros-args", *parameters])
        node = self.start(MANAGED)
        self.wait_for_state("active")
        self.wait_for_word(manager, "itnet connected with bond")
        # Before the second sign of life a manager expects none.
        statuses = self.listen("/bond", Status)
        self.wait(lambda: sum(each.instance_id == statuses[-1].instance_id for each in statuses) > 3, "signs of life")
        node.send(signal.SIGKILL)
        self.wait_for_end(node)
        self.programs.remove(node)
        # As launch does with `respawn`.
        self.start(MANAGED)
        self.wait_for_word(manager, "CRITICAL FAILURE", "itnet")
        self.wait_for_state("active")
        self.wait(lambda: len(manager.said("itnet connected with bond")) == 2, "a new bond")
