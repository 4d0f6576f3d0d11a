//! The services of the node: six for its parameters, five for its lifecycle. Each turns a request into a call of the node and its answer into a
//! response; nothing is decided here.

use futures::stream::LocalBoxStream;
use futures::{FutureExt, StreamExt};
use r2r::lifecycle_msgs::{msg as states, srv as lifecycle};
use r2r::rcl_interfaces::{msg, srv as parameters};
use r2r::{QosProfile, ServiceRequest, WrappedServiceTypeSupport};

use super::super::Node;
use super::super::edge::EdgeError;
use super::super::lifecycle::{Request, State, TRANSITIONS, Transition};
use super::super::parameters::Descriptor;
use super::edge::R2rEdge;
use super::values::{changes, to_wire};

type Requests<T> = LocalBoxStream<'static, ServiceRequest<T>>;

/// The requests that wait, service by service.
pub struct Services {
    set: Requests<parameters::SetParameters::Service>,
    set_atomically: Requests<parameters::SetParametersAtomically::Service>,
    get: Requests<parameters::GetParameters::Service>,
    types: Requests<parameters::GetParameterTypes::Service>,
    list: Requests<parameters::ListParameters::Service>,
    describe: Requests<parameters::DescribeParameters::Service>,
    change_state: Requests<lifecycle::ChangeState::Service>,
    get_state: Requests<lifecycle::GetState::Service>,
    available_states: Requests<lifecycle::GetAvailableStates::Service>,
    available_transitions: Requests<lifecycle::GetAvailableTransitions::Service>,
    transition_graph: Requests<lifecycle::GetAvailableTransitions::Service>,
}

impl Services {
    pub fn new(edge: &mut R2rEdge) -> Result<Self, EdgeError> {
        let parameters = QosProfile::parameters;
        let services = QosProfile::services_default;
        Ok(Self {
            set: offer(edge, "~/set_parameters", parameters())?,
            set_atomically: offer(edge, "~/set_parameters_atomically", parameters())?,
            get: offer(edge, "~/get_parameters", parameters())?,
            types: offer(edge, "~/get_parameter_types", parameters())?,
            list: offer(edge, "~/list_parameters", parameters())?,
            describe: offer(edge, "~/describe_parameters", parameters())?,
            change_state: offer(edge, "~/change_state", services())?,
            get_state: offer(edge, "~/get_state", services())?,
            available_states: offer(edge, "~/get_available_states", services())?,
            available_transitions: offer(edge, "~/get_available_transitions", services())?,
            transition_graph: offer(edge, "~/get_transition_graph", services())?,
        })
    }

    /// Answers everything that waits.
    pub fn serve(&mut self, node: &mut Node, edge: &mut R2rEdge) {
        self.parameters(node, edge);
        self.lifecycle(node, edge);
    }

    fn parameters(&mut self, node: &mut Node, edge: &mut R2rEdge) {
        answer(&mut self.set, |request| {
            let results = node.set_parameters(changes(&request.parameters), edge).into_iter().map(result).collect();
            parameters::SetParameters::Response { results }
        });
        answer(&mut self.set_atomically, |request| {
            let set = node.set_parameters_atomically(changes(&request.parameters), edge);
            parameters::SetParametersAtomically::Response { result: result(set) }
        });
        let server = node.parameters();
        answer(&mut self.get, |request| {
            let values = server.get(&request.names);
            parameters::GetParameters::Response { values: values.iter().map(to_wire).collect() }
        });
        answer(&mut self.types, |request| {
            let types = server.types(&request.names).into_iter().map(|kind| kind as u8).collect();
            parameters::GetParameterTypes::Response { types }
        });
        answer(&mut self.list, |request| {
            let listed = server.list(&request.prefixes, request.depth);
            let result = msg::ListParametersResult { names: listed.names, prefixes: listed.prefixes };
            parameters::ListParameters::Response { result }
        });
        answer(&mut self.describe, |request| {
            let descriptors = server.describe(&request.names).into_iter().map(descriptor).collect();
            parameters::DescribeParameters::Response { descriptors }
        });
    }

    fn lifecycle(&mut self, node: &mut Node, edge: &mut R2rEdge) {
        while let Some(request) = next(&mut self.change_state) {
            let wanted = request.message.transition.clone();
            let reply = move |success| respond(request, lifecycle::ChangeState::Response { success });
            node.change_state(Request { id: wanted.id, label: &wanted.label }, Box::new(reply), edge);
        }
        let machine = node.lifecycle();
        answer(&mut self.get_state, |_| lifecycle::GetState::Response { current_state: state(machine.state()) });
        answer(&mut self.available_states, |_| lifecycle::GetAvailableStates::Response {
            available_states: State::ALL.into_iter().map(state).collect(),
        });
        answer(&mut self.available_transitions, |_| lifecycle::GetAvailableTransitions::Response {
            available_transitions: machine.available_transitions().iter().map(transition).collect(),
        });
        answer(&mut self.transition_graph, |_| lifecycle::GetAvailableTransitions::Response {
            available_transitions: TRANSITIONS.iter().map(transition).collect(),
        });
    }
}

fn offer<T>(edge: &mut R2rEdge, name: &str, qos: QosProfile) -> Result<Requests<T>, EdgeError>
where
    T: WrappedServiceTypeSupport + 'static,
{
    let requests = edge.node.create_service::<T>(name, qos).map_err(|error| EdgeError {
        what: "service",
        name: name.to_owned(),
        of: String::new(),
        reason: error.to_string(),
    })?;
    Ok(requests.boxed_local())
}

fn next<T: WrappedServiceTypeSupport>(requests: &mut Requests<T>) -> Option<ServiceRequest<T>> {
    requests.next().now_or_never().flatten()
}

fn answer<T>(requests: &mut Requests<T>, mut answer: impl FnMut(&T::Request) -> T::Response)
where
    T: WrappedServiceTypeSupport + 'static,
{
    while let Some(request) = next(requests) {
        let response = answer(&request.message);
        respond(request, response);
    }
}

fn respond<T: WrappedServiceTypeSupport + 'static>(request: ServiceRequest<T>, response: T::Response) {
    if let Err(error) = request.respond(response) {
        tracing::warn!("a service's answer could not be sent: {error}");
    }
}

fn result(set: Result<(), String>) -> msg::SetParametersResult {
    msg::SetParametersResult { successful: set.is_ok(), reason: set.err().unwrap_or_default() }
}

fn state(state: State) -> states::State {
    states::State { id: state.id(), label: state.label().to_owned() }
}

fn transition(transition: &Transition) -> states::TransitionDescription {
    states::TransitionDescription {
        transition: states::Transition { id: transition.id, label: transition.label.to_owned() },
        start_state: state(transition.start),
        goal_state: state(transition.goal),
    }
}

fn descriptor(descriptor: Descriptor) -> msg::ParameterDescriptor {
    let doubles = descriptor.floating_point_range.map(|range| msg::FloatingPointRange {
        from_value: range.from,
        to_value: range.to,
        step: range.step,
    });
    let integers = descriptor.integer_range.map(|range| msg::IntegerRange {
        from_value: range.from,
        to_value: range.to,
        step: range.step as u64,
    });
    msg::ParameterDescriptor {
        name: descriptor.name,
        type_: descriptor.kind as u8,
        description: descriptor.description,
        additional_constraints: descriptor.additional_constraints,
        read_only: descriptor.read_only,
        dynamic_typing: false,
        floating_point_range: doubles.into_iter().collect(),
        integer_range: integers.into_iter().collect(),
    }
}
