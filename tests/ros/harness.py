"""A test with a domain of its own: the node as another process, and a peer that talks to it."""

import itertools
import json
import os
import tempfile
import time
import unittest
from pathlib import Path

try:
    import rclpy
except ImportError as missing:
    raise unittest.SkipTest(f"no ROS 2 is sourced: {missing}") from missing
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

try:
    # The node's numbers bear a stamp where one of these is installed.
    from autoware_internal_debug_msgs.msg import Float64Stamped as Number
except ImportError:
    try:
        from tier4_debug_msgs.msg import Float64Stamped as Number
    except ImportError:
        from std_msgs.msg import Float64 as Number

import frames
from process import MODEL, PATIENCE, Program, environment, finished, program

# Domains 1 to 99 fit every platform; two runs at once rarely meet.
DOMAINS = itertools.cycle([1 + (os.getpid() * 7 + i) % 99 for i in range(99)])


class NodeTest(unittest.TestCase):
    """Starts programs in the test's domain and ends what is left; after a failure their output is shown."""

    def setUp(self):
        self.domain = next(DOMAINS)
        self.programs = []
        folder = tempfile.TemporaryDirectory(prefix="itnet-ros-")
        self.addCleanup(folder.cleanup)
        self.scratch = Path(folder.name)
        self.context = rclpy.Context()
        rclpy.init(args=self.prepare(), context=self.context, domain_id=self.domain)
        self.addCleanup(self.context.try_shutdown)
        self.peer = rclpy.create_node(
            "peer", context=self.context, start_parameter_services=False, enable_rosout=False
        )
        self.addCleanup(self.peer.destroy_node)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.peer)
        self.clients = {}

    def prepare(self):
        """Is called before the peer starts, and gives its ROS arguments."""
        return []

    def run(self, result=None):
        def faults():
            return len(result.failures) + len(result.errors) if result else 0

        before = faults()
        self.programs = []
        result = super().run(result)
        if result and faults() > before:
            for each in self.programs:
                print(f"\n--- {self.id()}: {' '.join(each.command)}\n{each.log}---", flush=True)
        return result

    # Programs

    def environment(self, **more):
        return environment(self.domain, self.scratch, **more)

    def launch(self, command, **more):
        """Starts a command, to be ended with the test."""
        started = Program(command, self.environment(**more))
        self.programs.append(started)
        self.addCleanup(started.end)
        return started

    def start(self, parameters=None, *arguments, **more):
        """Starts the node with these parameters and further ROS arguments; does not wait for it."""
        given = {"model": str(MODEL), **(parameters or {})}
        each = [part for name, value in given.items() for part in ("-p", f"{name}:={json.dumps(value)}")]
        return self.launch([program("itnet_node"), "--ros-args", *each, *arguments], **more)

    def active(self, parameters=None, *arguments, node="/itnet"):
        """Starts the node and waits until it is active."""
        started = self.start(parameters, *arguments)
        self.wait_for_state("active", node)
        return started

    def ros2(self, *arguments):
        """Runs `ros2` to its end; gives exit code and everything it said. Without its daemon it may not see a node at once."""
        end = time.monotonic() + PATIENCE
        while True:
            code, said = finished(["ros2", *arguments], self.environment())
            if "Node not found" not in said or time.monotonic() > end:
                return code, said

    def parameter_file(self, parameters, node="/**"):
        """Writes a parameter file and gives its path."""
        path = self.scratch / "parameters.yaml"
        path.write_text(json.dumps({node: {"ros__parameters": parameters}}))
        return str(path)

    # Waiting and asking

    def spin(self, seconds=0.05):
        self.executor.spin_once(timeout_sec=seconds)

    def wait(self, condition, what, timeout=PATIENCE):
        """Spins the peer until the condition is true; fails with `what` was waited for. Gives what the condition gave."""
        end = time.monotonic() + timeout
        while not (met := condition()):
            if time.monotonic() > end:
                self.fail(f"waited {timeout:.0f} s in vain for {what}")
            self.spin()
        return met

    def wait_for_word(self, started, *words):
        """Waits until the program has said a line with all of these words; gives the first one."""

        def said():
            lines = started.said(*words)
            if not lines and started.has_ended():
                self.fail(f"it ended with {started.code()} and never said {words}")
            return lines

        return self.wait(said, f"the words {words}")[0]

    def wait_for_end(self, started):
        """Waits until the program has ended; gives its exit code."""
        self.wait(started.has_ended, "the end of the program")
        return started.code()

    def call(self, kind, service, request=None):
        """Calls a service and gives its response."""
        client = self.clients.get(service) or self.peer.create_client(kind, service)
        self.clients[service] = client
        self.wait(client.service_is_ready, f"the service {service}")
        future = client.call_async(request or kind.Request())
        self.wait(future.done, f"an answer of {service}")
        return future.result()

    def state(self, node="/itnet"):
        return self.call(GetState, f"{node}/get_state").current_state.label

    def wait_for_state(self, label, node="/itnet"):
        def reached():
            for each in self.programs:
                if each.has_ended():
                    self.fail(f"it ended with {each.code()} before it was {label}")
            return self.state(node) == label

        self.wait(reached, f"{node} to be {label}")

    def change(self, label="", number=0):
        """Asks for a transition; gives whether it succeeded."""
        request = ChangeState.Request()
        request.transition.id, request.transition.label = number, label
        return self.call(ChangeState, "/itnet/change_state", request).success

    def set(self, node="/itnet", **values):
        """Sets parameters, spelled with `__` for a dot; gives the results in their order."""
        parameters = [Parameter(name.replace("__", "."), value=value) for name, value in values.items()]
        request = SetParameters.Request(parameters=[each.to_parameter_msg() for each in parameters])
        return self.call(SetParameters, f"{node}/set_parameters", request).results

    # Topics

    def listen(self, topic, kind=Image, qos=50):
        """Subscribes; gives a list that grows."""
        inbox = []
        self.peer.create_subscription(kind, topic, inbox.append, qos)
        return inbox

    def camera(self, topic="/image", **more):
        return Camera(self, topic, **more)

    def diagnostics(self):
        """Subscribes to the diagnostics; gives a function from a status's name to its last values."""
        inbox = self.listen("/diagnostics", DiagnosticArray)

        def last(name):
            for message in reversed(inbox):
                for status in message.status:
                    if name in status.name:
                        return {value.key: value.value for value in status.values}
            return {}

        return last


class Camera:
    """Publishes frames, each with a stamp of its own, and remembers their headers."""

    def __init__(self, test, topic, size=(64, 48), encoding="rgb8", make=None, kind=Image, qos=10, frame_id="lens"):
        self.test, self.size, self.encoding, self.frame_id = test, size, encoding, frame_id
        self.make = make or (lambda head: frames.image(head, self.size, self.encoding))
        qos = qos if isinstance(qos, QoSProfile) else QoSProfile(depth=qos)
        self.publisher = test.peer.create_publisher(kind, topic, qos)
        self.sent = []

    def send(self, message=None):
        """Sends the next frame, or this message in its place."""
        head = frames.header(len(self.sent), self.frame_id)
        message = message or self.make(head)
        self.sent.append(frames.key(message.header))
        self.publisher.publish(message)

    def feed(self, until, what, hz=10.0, each=None, timeout=PATIENCE):
        """Sends a frame every now and then until the condition is true."""
        due = 0.0

        def step():
            nonlocal due
            if time.monotonic() >= due:
                due = time.monotonic() + 1.0 / hz
                self.send()
                if each:
                    each(self.test, self)
            return until()

        return self.test.wait(step, what, timeout)
