"""The launch files and `ros2 run`, on a package that is laid out as an installed one without being built by colcon."""

import os
import shutil
import signal
import sys

from lifecycle_msgs.msg import TransitionEvent
from lifecycle_msgs.srv import ChangeState
from sensor_msgs.msg import Image

from harness import NodeTest
from process import REPOSITORY, SHARED, program

FOLDERS = ("launch", "config", "models")


class Launch(NodeTest):
    def setUp(self):
        super().setUp()
        if not (REPOSITORY / "launch").is_dir():
            self.skipTest("there are no launch files")
        self.prefix = self.scratch / "install"
        index = self.prefix / "share" / "ament_index" / "resource_index" / "packages"
        share, programs = self.prefix / "share" / "itnet", self.prefix / "lib" / "itnet"
        for folder in (index, share, programs):
            folder.mkdir(parents=True)
        (index / "itnet").write_text("")
        (share / "package.xml").symlink_to(REPOSITORY / "package.xml")
        for folder in FOLDERS:
            # As colcon lays them out: real folders with links to the files.
            shutil.copytree(REPOSITORY / folder, share / folder, copy_function=os.symlink)
        (programs / "itnet_node").symlink_to(program("itnet_node"))

    def environment(self, **more):
        prefixes = f"{self.prefix}:{os.environ.get('AMENT_PREFIX_PATH', '')}"
        return super().environment(**{"AMENT_PREFIX_PATH": prefixes, **more})

    def run_file(self, name, *arguments):
        return self.launch(["ros2", "launch", "itnet", name, *arguments])

    def test_run_starts_the_node_with_the_installed_model(self):
        self.launch(["ros2", "run", "itnet", "itnet_node"])
        self.wait_for_state("active")

    def test_a_program_that_is_a_link_to_the_built_one_finds_the_installed_model(self):
        # As `colcon build --symlink-install` has it: what runs lies in a build folder without models.
        built = self.scratch / "build" / "itnet" / "cargo" / "release" / "itnet_node"
        built.parent.mkdir(parents=True)
        shutil.copy(program("itnet_node"), built)
        installed = self.prefix / "lib" / "itnet" / "itnet_node"
        installed.unlink()
        installed.symlink_to(built)
        self.launch(["env", "--chdir", str(self.scratch), "ros2", "run", "itnet", "itnet_node"])
        self.wait_for_state("active")

    def test_one_camera_is_launched_with_its_arguments_and_ends_by_sigint(self):
        started = self.run_file(
            "itnet.launch.py", "image_topic:=/front/image_raw", "budget_ms:=250.0", "namespace:=robot"
        )
        self.wait_for_state("active", "/robot/itnet")
        _, said = self.ros2("param", "get", "--no-daemon", "/robot/itnet", "budget_ms")
        self.assertIn("250.0", said)
        masks = self.listen("/robot/itnet/mask")
        self.camera("/front/image_raw").feed(lambda: masks, "a mask")
        started.send(signal.SIGINT)
        self.assertEqual(self.wait_for_end(started), 0, started.log)
        self.wait_for_word(started, "process has finished cleanly")

    def test_a_managed_node_is_launched_and_waits(self):
        self.run_file("itnet.launch.py", "autostart:=false", "log_level:=debug")
        self.wait_for_state("unconfigured")
        self.assertTrue(self.change("configure"))

    def test_levels_may_be_spelled_in_capitals_and_be_of_one_logger(self):
        for level in ("WARN", "itnet:=debug"):
            with self.subTest(level=level):
                started = self.run_file("itnet.launch.py", "autostart:=false", f"log_level:={level}")
                self.wait_for_state("unconfigured")
                started.send(signal.SIGINT)
                self.wait_for_end(started)
                self.assertEqual(started.said("DEBUG", "[rcl"), [])
                self.programs.clear()
                self.clients.clear()

    def test_an_enclave_is_handed_on(self):
        started = self.run_file("itnet.launch.py", "enclave:=/robot/itnet", "autostart:=false")
        self.wait_for_state("unconfigured")
        self.assertEqual(self.peer.get_node_names_and_namespaces_with_enclaves().count(("itnet", "/", "/robot/itnet")), 1, started.log)

    def test_the_arguments_are_listed_with_their_descriptions(self):
        code, said = self.ros2("launch", "itnet", "itnet.launch.py", "--show-args")
        self.assertEqual(code, 0, said)
        for name in ("params_file", "model", "image_topic", "image_transport", "namespace", "log_level", "respawn"):
            self.assertIn(f"'{name}'", said)

    def test_a_wrong_argument_ends_with_what_would_be_right(self):
        started = self.run_file("itnet.launch.py", "image_transport:=pigeon")
        self.assertNotEqual(self.wait_for_end(started), 0)
        self.assertIn("compressed", started.log)

    def test_several_cameras_are_launched(self):
        self.run_file("multi_camera.launch.py")
        self.wait_for_state("active")
        _, said = self.ros2("param", "get", "--no-daemon", "/itnet", "cameras")
        self.assertIn("front", said)

    def test_the_names_of_nav2_are_launched_and_managed(self):
        self.run_file("nav2.launch.py", "image_topic:=/front/image_raw")
        events = self.listen("/itnet/transition_event", TransitionEvent)
        self.wait_for_state("unconfigured")
        self.assertTrue(self.change("configure"))
        self.assertTrue(self.change("activate"))
        masks = self.listen("/segmentation/mask")
        self.camera("/front/image_raw").feed(lambda: masks, "a mask")
        self.wait(lambda: len(events) >= 4, "the transitions")
        for topic in ("mask", "mask/compressed", "confidence", "camera_info"):
            self.assertEqual(self.peer.count_publishers(f"/segmentation/{topic}"), 1, topic)

    def test_the_names_of_nav2_are_below_the_namespace(self):
        self.run_file("nav2.launch.py", "namespace:=robot")
        self.wait_for_state("unconfigured", "/robot/itnet")
        request = ChangeState.Request()
        request.transition.label = "configure"
        self.assertTrue(self.call(ChangeState, "/robot/itnet/change_state", request).success)
        for topic in ("mask", "confidence"):
            self.wait(lambda: self.peer.count_publishers(f"/robot/segmentation/{topic}"), topic)
            self.assertEqual(self.peer.count_publishers(f"/segmentation/{topic}"), 0)

    def including(self, name, *actions, **arguments):
        """Starts a launch file of a robot that does something first and then includes one of ours."""
        lines = [
            "from launch import LaunchDescription",
            "from launch.actions import *",
            "from launch.launch_description_sources import PythonLaunchDescriptionSource",
            "from launch.substitutions import *",
            "from launch_ros.actions import *",
            "def generate_launch_description():",
            f"    source = PythonLaunchDescriptionSource({str(REPOSITORY / 'launch' / name)!r})",
            f"    ours = IncludeLaunchDescription(source, launch_arguments={arguments!r}.items())",
            f"    return LaunchDescription([{', '.join([*actions, 'ours'])}])",
        ]
        path = self.scratch / "robot.launch.py"
        path.write_text("\n".join(lines))
        return self.launch(["ros2", "launch", str(path)])

    def test_the_autostart_of_nav2_is_for_its_manager_and_not_for_the_node(self):
        self.including("nav2.launch.py", "DeclareLaunchArgument('autostart', default_value='true')")
        self.wait_for_state("unconfigured")
        self.assertTrue(self.change("configure"))

    def test_the_time_that_a_launch_file_sets_for_all_nodes_is_the_nodes(self):
        self.including("itnet.launch.py", "SetParameter('use_sim_time', True)", autostart="false")
        self.wait_for_state("unconfigured")
        _, said = self.ros2("param", "get", "--no-daemon", "/itnet", "use_sim_time")
        self.assertIn("True", said)

    def test_flags_may_be_spelled_as_python_spells_them(self):
        started = self.run_file("itnet.launch.py", "autostart:=False", "use_sim_time:=True", "respawn:=True")
        self.wait_for_state("unconfigured")
        _, said = self.ros2("param", "get", "--no-daemon", "/itnet", "use_sim_time")
        self.assertIn("True", said)
        (line,) = started.said("process started with pid")
        os.kill(int(line.split("[")[-1].rstrip("]\n")), signal.SIGKILL)
        self.wait(lambda: len(started.said("process started with pid")) == 2, "the node to be started again")

    def test_of_a_bag_with_masks_only_the_images_are_played(self):
        if self.ros2("bag", "--help")[0] != 0:
            self.skipTest("there is no `ros2 bag`")
        sys.path.insert(0, str(REPOSITORY / "benches" / "load"))
        import bag

        folder = self.scratch / "bag"
        bag.write(folder, [bag.image(64, 48, 0)], 20, 10.0, topics=("/camera/image_raw", "/itnet/mask"))
        masks = self.listen("/itnet/mask", Image)
        started = self.run_file("bag.launch.py", f"bag:={folder}", "budget_ms:=1000.0")
        self.wait_for_end(started)
        self.assertEqual({mask.encoding for mask in masks}, {"mono8"}, started.log)

    def test_a_bag_is_launched_and_the_launch_ends_with_it(self):
        bag = SHARED / "bags" / "drive_raw_sqlite3"
        if not bag.is_dir():
            self.skipTest(f"{bag} is absent")
        if self.ros2("bag", "--help")[0] != 0:
            self.skipTest("there is no `ros2 bag`")
        masks = self.listen("/itnet/mask", Image)
        started = self.run_file("bag.launch.py", f"bag:={bag}", "topic:=/camera/front/image_raw", "budget_ms:=1000.0")
        self.wait_for_end(started)
        self.assertTrue(masks, started.log)
