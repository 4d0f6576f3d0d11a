"""Parameters through their services, with a node that loads nothing."""

from rcl_interfaces.msg import ParameterEvent, ParameterType, ParameterValue
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParametersAtomically,
)
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_parameter_events

from harness import NodeTest

IDLE = {"autostart": False}


class Parameters(NodeTest):
    def get(self, *names):
        return self.call(GetParameters, "/itnet/get_parameters", GetParameters.Request(names=list(names))).values

    def events(self):
        inbox = self.listen("/parameter_events", ParameterEvent, qos_profile_parameter_events)
        self.wait(lambda: self.peer.count_publishers("/parameter_events") > 0, "a publisher of events")
        return inbox

    def refused(self, facts, **values):
        """Sets one parameter in vain; the reason has these facts, and the value is as before."""
        name = next(iter(values)).replace("__", ".")
        before = self.get(name)
        (result,) = self.set(**values)
        self.assertFalse(result.successful, values)
        for fact in facts:
            self.assertIn(fact, result.reason)
        self.assertEqual(self.get(name), before)

    def test_all_six_services_are_there(self):
        self.start(IDLE)
        wanted = {
            f"/itnet/{name}"
            for name in (
                "describe_parameters",
                "get_parameter_types",
                "get_parameters",
                "list_parameters",
                "set_parameters",
                "set_parameters_atomically",
            )
        }

        def known():
            return {name for name, _ in self.peer.get_service_names_and_types()}

        self.wait(lambda: wanted <= known(), "the services")

    def test_a_value_that_was_set_is_the_value_that_is_got(self):
        self.start(IDLE)
        results = self.set(budget_ms=12.5, iterations__max=3, publish="progressive", use_sim_time=False)
        self.assertTrue(all(result.successful for result in results), results)
        values = self.get("budget_ms", "iterations.max", "publish", "use_sim_time")
        self.assertEqual([values[0].double_value, values[1].integer_value, values[2].string_value], [12.5, 3, "progressive"])
        self.assertEqual([value.type for value in values], [3, 2, 4, 1])

    def test_the_command_line_goes_before_the_default(self):
        self.start({**IDLE, "budget_ms": 12.5, "threads": 2})
        values = self.get("budget_ms", "threads", "compute_share")
        self.assertEqual([values[0].double_value, values[1].integer_value, values[2].double_value], [12.5, 2, 1.0])

    def test_an_integer_is_taken_for_a_number(self):
        self.start({**IDLE, "compute_share": 1})
        self.assertTrue(self.set(budget_ms=7)[0].successful)
        values = self.get("budget_ms", "compute_share")
        self.assertEqual([(value.type, value.double_value) for value in values], [(3, 7.0), (3, 1.0)])

    def test_a_value_out_of_range_is_refused_with_name_and_range(self):
        self.start(IDLE)
        self.refused(["budget_ms", "0.1", "10000", "-1"], budget_ms=-1.0)
        self.refused(["iterations.max", "1", "64", "65"], iterations__max=65)
        self.refused(["publish", "final", "progressive", "sometimes"], publish="sometimes")

    def test_a_value_of_another_type_is_refused_with_name_and_range(self):
        self.start(IDLE)
        self.refused(["budget_ms", "number", "0.1", "10000", "abc"], budget_ms="abc")
        self.refused(["iterations.max", "whole number", "1 to 64"], iterations__max=1.5)
        self.refused(["use_sim_time", "true or false"], use_sim_time=1)

    def test_what_is_read_at_start_only_is_refused_later(self):
        self.start(IDLE)
        self.refused(["model", "read only"], model="models/other")
        self.refused(["threads", "read only"], threads=2)

    def test_parameters_that_contradict_each_other_are_refused(self):
        self.start({**IDLE, "iterations.max": 3})
        self.refused(["iterations.min", "iterations.max", "3", "4"], iterations__min=4)

    def test_an_unknown_name_is_refused_with_the_one_that_was_meant(self):
        self.start(IDLE)
        (result,) = self.set(budget=5.0)
        self.assertFalse(result.successful)
        self.assertIn("`budget`", result.reason)
        self.assertIn("budget_ms", result.reason)

    def test_a_parameter_cannot_be_deleted(self):
        self.start(IDLE)
        request = SetParametersAtomically.Request(parameters=[ParameterMessage(name="budget_ms")])
        result = self.call(SetParametersAtomically, "/itnet/set_parameters_atomically", request).result
        self.assertFalse(result.successful)
        self.assertIn("budget_ms", result.reason)
        self.assertEqual(self.get("budget_ms")[0].double_value, 33.0)

    def test_an_atomic_set_with_one_wrong_value_changes_nothing(self):
        self.start(IDLE)
        events = self.events()
        result = self.atomically(("compute_share", 0.5), ("budget_ms", -1.0))
        self.assertFalse(result.successful)
        self.assertIn("budget_ms", result.reason)
        self.assertEqual([value.double_value for value in self.get("compute_share", "budget_ms")], [1.0, 33.0])
        self.assertTrue(self.atomically(("compute_share", 0.5), ("budget_ms", 9.0)).successful)
        changed = self.wait(lambda: [event for event in events if event.changed_parameters], "an event")
        names = [[parameter.name for parameter in event.changed_parameters] for event in changed]
        self.assertEqual(names, [["compute_share", "budget_ms"]])

    def atomically(self, *values):
        messages = [Parameter(name, value=value).to_parameter_msg() for name, value in values]
        request = SetParametersAtomically.Request(parameters=messages)
        return self.call(SetParametersAtomically, "/itnet/set_parameters_atomically", request).result

    def test_a_wrong_value_hinders_no_other_one_of_the_same_request(self):
        self.start(IDLE)
        results = self.set(compute_share=0.5, budget_ms=-1.0, publish="progressive")
        self.assertEqual([result.successful for result in results], [True, False, True])
        self.assertEqual(self.get("compute_share")[0].double_value, 0.5)

    def test_a_change_is_told_once_to_everybody(self):
        self.start(IDLE)
        events = self.events()
        self.set(budget_ms=-1.0)
        self.set(budget_ms=8)
        self.set(publish="progressive")

        def told():
            return [(event.node, p.name, p.value.type) for event in events for p in event.changed_parameters]

        self.wait(lambda: len(told()) >= 2, "two events")
        self.assertEqual(told(), [("/itnet", "budget_ms", 3), ("/itnet", "publish", 4)])

    def test_every_parameter_has_text_type_and_range(self):
        self.start(IDLE)
        names = self.call(ListParameters, "/itnet/list_parameters").result.names
        request = DescribeParameters.Request(names=names)
        descriptors = {each.name: each for each in self.call(DescribeParameters, "/itnet/describe_parameters", request).descriptors}
        self.assertEqual(sorted(descriptors), sorted(names))
        for name, each in descriptors.items():
            self.assertTrue(each.description, name)
            self.assertNotEqual(each.type, ParameterType.PARAMETER_NOT_SET, name)
        (budget,) = descriptors["budget_ms"].floating_point_range
        self.assertEqual((budget.from_value, budget.to_value, budget.step), (0.1, 10000.0, 0.0))
        (most,) = descriptors["iterations.max"].integer_range
        self.assertEqual((most.from_value, most.to_value), (1, 64))
        self.assertIn("progressive", descriptors["publish"].additional_constraints)
        self.assertEqual((descriptors["model"].read_only, descriptors["budget_ms"].read_only), (True, False))

    def test_names_are_listed_by_group(self):
        self.start({**IDLE, "cameras": ["front"], "front.topic": "/front/image"})
        everything = self.call(ListParameters, "/itnet/list_parameters").result
        self.assertLessEqual({"budget_ms", "iterations.min", "cameras", "front.topic", "front.budget_ms"}, set(everything.names))
        self.assertLessEqual({"iterations", "diagnostics", "front"}, set(everything.prefixes))
        request = ListParameters.Request(prefixes=["iterations"])
        listed = self.call(ListParameters, "/itnet/list_parameters", request).result
        self.assertEqual(sorted(listed.names), ["iterations.max", "iterations.min"])

    def test_types_are_told_and_nothing_of_an_unknown_name(self):
        self.start(IDLE)

        def types(*names):
            request = GetParameterTypes.Request(names=list(names))
            return list(self.call(GetParameterTypes, "/itnet/get_parameter_types", request).types)

        self.assertEqual(types("budget_ms", "threads", "model", "cameras", "autostart"), [3, 2, 4, 9, 1])
        self.assertIn(types("nothing"), ([], [ParameterType.PARAMETER_NOT_SET]))
        self.assertIn(self.get("nothing"), ([], [ParameterValue()]))

    def test_an_unknown_name_at_start_is_warned_of(self):
        node = self.start({**IDLE, "budget": 5.0})
        self.wait_for_word(node, "WARN", "`budget`")
        self.assertEqual(self.state(), "unconfigured")
